#include "rbmpi/data/dataset_summary.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/data/dataset_digest.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

std::uint8_t value_at(std::uint64_t row, std::uint64_t column) {
  return static_cast<std::uint8_t>(row % 3 == 0 ? 0 : (row * 7 + column) % 201);
}

std::vector<std::uint8_t> picture_rows(std::uint64_t rows, std::uint64_t columns) {
  std::vector<std::uint8_t> values;
  for (std::uint64_t row = 0; row < rows; ++row)
    for (std::uint64_t column = 0; column < columns; ++column) values.push_back(value_at(row, column));
  return values;
}

class DatasetSummaryTest : public testing::Test {
 protected:
  fs::path write(const std::string& name, std::uint64_t columns, const std::vector<std::uint8_t>& samples,
                 const std::vector<std::int32_t>& labels, const std::string& source = "") const {
    DatasetInfo info;
    info.columns = columns;
    info.scale = 200.0;
    info.has_labels = !labels.empty();
    info.source = source;
    DatasetWriter writer(folder_ / name, info);
    writer.append({.count = samples.size() / columns,
                   .samples = samples.data(),
                   .labels = labels.empty() ? nullptr : labels.data()});
    writer.finish();
    return folder_ / name;
  }

  test::TemporaryFolder folder_;
};

TEST_F(DatasetSummaryTest, FiguresAreThoseOfTheValues) {
  const DatasetSummary summary = summarise(DatasetReader(write("a.h5", 2, {0, 50, 100, 0, 150, 20}, {4, -1, 4})));
  const DataLook& look = summary.look;
  EXPECT_EQ(look.smallest(), 0.0);
  EXPECT_EQ(look.largest(), 150.0);
  EXPECT_DOUBLE_EQ(look.mean(), 320.0 / 6.0);
  EXPECT_DOUBLE_EQ(look.zeros(), 2.0 / 6.0);
  EXPECT_EQ(look.duplicate_rows(), 0U);
  EXPECT_THAT(look.labels().classes(), testing::ElementsAre(testing::Pair(-1, 1U), testing::Pair(4, 2U)));
  EXPECT_FALSE(summary.weights.has_value());
}

TEST_F(DatasetSummaryTest, WeightsAreSummed) {
  DatasetInfo info;
  info.columns = 1;
  info.has_weights = true;
  const std::vector<std::uint8_t> values = {0, 1, 2, 2};
  const std::vector<float> weights = {0.5F, 2, 0, 1.5F};
  DatasetWriter writer(folder_ / "w.h5", info);
  writer.append({.count = 4, .samples = values.data(), .weights = weights.data()});
  writer.finish();
  const DatasetSummary summary = summarise(DatasetReader(folder_ / "w.h5"));
  ASSERT_TRUE(summary.weights.has_value());
  EXPECT_EQ(summary.weights->sum, 4);
  EXPECT_EQ(summary.weights->smallest, 0);
  EXPECT_EQ(summary.weights->largest, 2);
  EXPECT_DOUBLE_EQ(summary.weights->effective_rows(), 16 / (0.25 + 4 + 2.25));
  EXPECT_THAT(summary.weighted_means, testing::ElementsAre(testing::DoubleNear((2 * 1 + 1.5 * 2) / 4 / 255, 1e-9)));
  EXPECT_EQ(summary.look.duplicate_rows(), 1U);
}

TEST_F(DatasetSummaryTest, FiguresOfManyBlocks) {
  const std::uint64_t rows = 30000;
  const std::uint64_t columns = 700;  // 21 MB: three times what is read at once
  const std::vector<std::uint8_t> values = picture_rows(rows, columns);
  double sum = 0.0;
  double zeros = 0.0;
  for (const std::uint8_t value : values) {
    sum += value;
    zeros += value == 0 ? 1.0 : 0.0;
  }
  const DatasetSummary summary = summarise(DatasetReader(write("a.h5", columns, values, {})));
  EXPECT_EQ(summary.look.largest(), 200.0);
  EXPECT_DOUBLE_EQ(summary.look.mean(), sum / static_cast<double>(values.size()));
  EXPECT_DOUBLE_EQ(summary.look.zeros(), zeros / static_cast<double>(values.size()));
  EXPECT_EQ(summary.look.labels().rows(), 0U);

  // The digest is that of the blocks in memory.
  const Samples samples{ElementType::uint8, reinterpret_cast<const std::byte*>(values.data()), rows, columns, 200.0};
  const std::uint64_t block_rows = digest_block_rows(columns, ElementType::uint8);
  std::vector<Digest> blocks;
  for (std::uint64_t first = 0; first < rows; first += block_rows)
    blocks.push_back(block_digest(samples.part(first, std::min(block_rows, rows - first))));
  EXPECT_EQ(blocks.size(), digest_blocks(rows, columns, ElementType::uint8));
  EXPECT_EQ(summary.digest, dataset_digest(samples, {.blocks = blocks, .labels = {}, .weights = {}}));
}

// Computed once with Python's hashlib from the definition in dataset_digest.hpp: a change of the digest is a change of
// the format.
TEST_F(DatasetSummaryTest, TheDigestIsTheDocumentedOne) {
  EXPECT_EQ(summarise(DatasetReader(write("a.h5", 2, {0, 50, 100, 0, 150, 20}, {4, -1, 4}))).digest,
            "9d07ca2f59a51c78004bab7cc32769239dada47c088eef38f3bc2b617ae822c7");
  EXPECT_EQ(summarise(DatasetReader(write("b.h5", 2, {0, 50, 100, 0, 150, 20}, {}))).digest,
            "059e156190049531383c063225631fa79796e2e02beb92e8cf10aaf7d04a1ece");
}

TEST_F(DatasetSummaryTest, TheDigestIsOfTheContentAlone) {
  const std::vector<std::uint8_t> values = {0, 50, 100, 0, 150, 20};
  const std::string digest = summarise(DatasetReader(write("a.h5", 2, values, {1, 2, 3}))).digest;
  const auto other = [&](std::uint64_t columns, const std::vector<std::uint8_t>& samples,
                         const std::vector<std::int32_t>& labels) {
    return summarise(DatasetReader(write("b.h5", columns, samples, labels, "elsewhere"))).digest;
  };
  EXPECT_EQ(other(2, values, {1, 2, 3}), digest) << "the source does not matter";
  EXPECT_NE(other(2, values, {1, 2, 4}), digest);
  EXPECT_NE(other(2, values, {}), digest);
  EXPECT_NE(other(3, values, {1, 2}), digest);
  EXPECT_NE(other(2, {0, 50, 100, 0, 150, 21}, {1, 2, 3}), digest);
}

/// Bytes that this process has read so far.
std::uint64_t bytes_read() {
  std::ifstream file("/proc/self/io");
  std::string name;
  std::uint64_t count = 0;
  file >> name >> count;
  EXPECT_EQ(name, "rchar:");
  return count;
}

// HDF5 keeps no chunk beyond its cache: what is not read at once is read, and unpacked, anew for each piece.
TEST_F(DatasetSummaryTest, LargeChunksAreReadOnce) {
  constexpr std::uint64_t rows = 2'000'000;  // of 20 bytes, in two chunks, and 8 MB of labels in one
  std::vector<std::uint8_t> values(rows * 20);
  std::vector<std::int32_t> labels(rows);
  std::minstd_rand random;
  for (std::uint8_t& value : values) value = static_cast<std::uint8_t>(random() >> 8U & 15U);
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(random() >> 8U & 7U);
  Hdf5File file = Hdf5File::create(folder_ / "a.h5");
  file.create_array("/samples", ElementType::uint8, {rows, 20}, {.chunk_rows = rows / 2, .deflate = 1});
  file.write_rows("/samples", ElementType::uint8, 0, rows, values.data());
  file.create_array("/labels", ElementType::int32, {rows}, {.chunk_rows = rows, .deflate = 1});
  file.write_rows("/labels", ElementType::int32, 0, rows, labels.data());
  file.close();

  const std::uint64_t before = bytes_read();
  const DatasetSummary summary = summarise(DatasetReader(folder_ / "a.h5"));
  const std::uint64_t length = fs::file_size(folder_ / "a.h5");
  EXPECT_GT(length, 5'000'000U);
  EXPECT_LT(bytes_read() - before, length + length / 20);
  EXPECT_EQ(summary.look.labels().rows(), rows);
}

TEST_F(DatasetSummaryTest, PiecesAreWholeChunks) {
  const auto pieces = [](const RowChunks& chunks, Shard rows, std::uint64_t work) {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
    in_whole_chunks(chunks, rows, work, [&](Shard piece) { all.emplace_back(piece.first, piece.count); });
    return all;
  };
  using Pieces = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  EXPECT_EQ(pieces({.rows = 10, .row_work = 2}, {0, 45}, 40), (Pieces{{0, 20}, {20, 20}, {40, 5}}));
  EXPECT_EQ(pieces({.rows = 10, .row_work = 2}, {7, 20}, 40), (Pieces{{7, 13}, {20, 7}}));
  EXPECT_EQ(pieces({.rows = 100, .row_work = 2}, {50, 100}, 40), (Pieces{{50, 50}, {100, 50}})) << "one at least";
  EXPECT_EQ(pieces({.rows = 1, .row_work = 10}, {3, 5}, 20), (Pieces{{3, 1}, {4, 2}, {6, 2}}));
  EXPECT_EQ(pieces({.rows = 10, .row_work = 2}, {5, 0}, 40), Pieces{});
}

TEST_F(DatasetSummaryTest, AnyNumbersAreShownWhereTheFileSaysSo) {
  DatasetInfo info;
  info.type = ElementType::float32;
  info.columns = 2;
  info.scale = 1;
  info.kind = ValueKind::numbers;
  for (const float last : {7.5F, std::numeric_limits<float>::quiet_NaN()}) {
    const std::vector<float> values = {-3.5F, 0, 2, last};
    DatasetWriter writer(folder_ / "codes.h5", info);
    writer.append({.count = 2, .samples = values.data()});
    writer.finish();
    const fs::path file = folder_ / "codes.h5";
    test::expect_error(Failure::file, {"codes.h5", "any numbers", "[0, 1]"}, [&] { const DatasetReader reader(file); });
    const DatasetReader reader(file, Values::any);
    if (std::isnan(last)) {
      test::expect_error(Failure::file, {"row 1, column 1", "nan", "finite"}, [&] { (void)summarise(reader); });
    } else {
      EXPECT_EQ(summarise(reader).look.smallest(), -3.5);
      EXPECT_EQ(summarise(reader).look.largest(), 7.5);
    }
  }
}

TEST_F(DatasetSummaryTest, ValuesOutsideTheScaleAreRefused) {
  test::expect_error(Failure::file, {"b.h5", "row 1, column 0", "201"}, [&] {
    static_cast<void>(summarise(DatasetReader(write("b.h5", 1, {200, 201}, {}))));
  });
}

}  // namespace
}  // namespace rbmpi
