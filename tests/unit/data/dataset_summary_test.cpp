#include "rbmpi/data/dataset_summary.hpp"

#include <algorithm>
#include <vector>

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
    writer.append(samples.size() / columns, samples.data(), labels.empty() ? nullptr : labels.data());
    writer.finish();
    return folder_ / name;
  }

  test::TemporaryFolder folder_;
};

TEST_F(DatasetSummaryTest, FiguresAreThoseOfTheValues) {
  const DatasetSummary summary = summarise(DatasetReader(write("a.h5", 2, {0, 50, 100, 0, 150, 20}, {4, -1, 4})));
  EXPECT_EQ(summary.minimum, 0.0);
  EXPECT_EQ(summary.maximum, 150.0);
  EXPECT_DOUBLE_EQ(summary.mean, 320.0 / 6.0 / 200.0);
  EXPECT_DOUBLE_EQ(summary.zeros, 2.0 / 6.0);
  ASSERT_TRUE(summary.labels.has_value());
  EXPECT_EQ(summary.labels->count, 3U);
  EXPECT_EQ(summary.labels->classes, 2U);
  EXPECT_EQ(summary.labels->minimum, -1);
  EXPECT_EQ(summary.labels->maximum, 4);
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
  EXPECT_EQ(summary.maximum, 200.0);
  EXPECT_DOUBLE_EQ(summary.mean, sum / static_cast<double>(values.size()) / 200.0);
  EXPECT_DOUBLE_EQ(summary.zeros, zeros / static_cast<double>(values.size()));
  EXPECT_FALSE(summary.labels.has_value());

  // The digest is that of the blocks in memory.
  const Samples samples{ElementType::uint8, reinterpret_cast<const std::byte*>(values.data()), rows, columns, 200.0};
  const std::uint64_t block_rows = digest_block_rows(columns, ElementType::uint8);
  std::vector<Digest> blocks;
  for (std::uint64_t first = 0; first < rows; first += block_rows)
    blocks.push_back(block_digest(samples.part(first, std::min(block_rows, rows - first))));
  EXPECT_EQ(blocks.size(), digest_blocks(rows, columns, ElementType::uint8));
  EXPECT_EQ(summary.digest, dataset_digest(samples, blocks, std::nullopt));
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

TEST_F(DatasetSummaryTest, ValuesOutsideTheScaleAreRefused) {
  test::expect_error(Failure::file, {"b.h5", "row 1, column 0", "201"}, [&] {
    static_cast<void>(summarise(DatasetReader(write("b.h5", 1, {200, 201}, {}))));
  });
}

}  // namespace
}  // namespace rbmpi
