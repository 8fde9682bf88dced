#include "rbmpi/data/node_samples.hpp"

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/data/dataset_summary.hpp"
#include "support/expect_error.hpp"
#include "support/numbers.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

class NodeSamplesTest : public testing::Test {
 protected:
  // One folder for all ranks.
  NodeSamplesTest() {
    if (world_.is_root()) folder_.emplace();
    path_ = fs::path(world_.broadcast(folder_ ? folder_->path().string() : "")) / "d.h5";
  }
  ~NodeSamplesTest() override { world_.barrier(); }
  NodeSamplesTest(const NodeSamplesTest&) = delete;
  NodeSamplesTest& operator=(const NodeSamplesTest&) = delete;

  /// Writes the first `rows` rows of a dataset of floats; the root does, and all wait.
  void write(const fs::path& path, std::uint64_t rows, bool labels) const {
    world_.agree_on_root([&] {
      test::Random random(1);
      DatasetInfo info;
      info.type = ElementType::float32;
      info.columns = columns;
      info.scale = 2.0;
      info.has_labels = labels;
      DatasetWriter writer(path, info);
      for (std::uint64_t i = 0; i < rows; ++i) {
        const std::vector<float> row = random.reals(columns, 0, 2);
        const auto label = static_cast<std::int32_t>(i % 10);
        writer.append(1, row.data(), labels ? &label : nullptr);
      }
      writer.finish();
    });
  }

  /// Collective. The message is the same on all ranks, as `fragments` say.
  void refused(Failure failure, const std::vector<std::string>& fragments, const fs::path& path, std::uint64_t rows,
               std::uint64_t other_bytes = 0) const {
    const Communicator node = world_.split_by_node(0);
    test::expect_error(failure, fragments, [&] {
      try {
        const NodeSamples samples(world_, node, path, rows, [&](const DatasetInfo&) { return other_bytes; });
      } catch (const AgreedError& error) {
        EXPECT_EQ(error.what(), world_.broadcast(error.what()));
        throw;
      }
    });
  }

  static constexpr std::uint64_t columns = 7;
  Communicator world_ = Communicator::world();
  std::optional<test::TemporaryFolder> folder_;
  fs::path path_;
};

constexpr auto nothing_else = [](const DatasetInfo&) -> std::uint64_t { return 0; };

TEST_F(NodeSamplesTest, EveryRankHasTheSamplesOfTheFileAndItsDigest) {
  for (const bool labels : {false, true}) {
    for (const std::uint64_t rows : {1U, 2U, 3U, 50U}) {
      write(path_, rows, labels);
      const DatasetReader reader(path_);
      std::vector<float> expected(rows * columns);
      reader.read_samples(0, rows, expected.data());
      const std::string digest = summarise(reader).digest;
      for (const int ranks_per_node : {0, 1, 2}) {
        const Communicator node = world_.split_by_node(ranks_per_node);
        NodeSamples loaded(world_, node, path_, 0, nothing_else);
        const Samples& samples = loaded.samples();
        EXPECT_EQ(samples.type, ElementType::float32);
        EXPECT_EQ(samples.rows, rows);
        EXPECT_EQ(samples.columns, columns);
        EXPECT_EQ(samples.scale, 2.0);
        EXPECT_EQ(std::memcmp(samples.values, expected.data(), expected.size() * sizeof(float)), 0);
        EXPECT_EQ(loaded.digest(), digest);
        ASSERT_EQ(samples.labels != nullptr, labels);
        for (std::uint64_t row = 0; labels && row < rows; ++row) {
          ASSERT_EQ(samples.labels[row], static_cast<std::int32_t>(row % 10));
          ASSERT_EQ(*samples.part(row, 1).labels, samples.labels[row]);
        }
      }
    }
  }
}

TEST_F(NodeSamplesTest, TheFirstRowsHaveTheDigestOfAFileOfThem) {
  write(path_, 50, true);
  const fs::path part = path_.parent_path() / "part.h5";
  write(part, 20, true);
  const Communicator node = world_.split_by_node(0);
  NodeSamples loaded(world_, node, path_, 20, nothing_else);
  EXPECT_EQ(loaded.samples().rows, 20U);
  EXPECT_EQ(loaded.info().rows, 20U);
  EXPECT_EQ(loaded.samples().labels[19], 9);
  EXPECT_EQ(loaded.digest(), summarise(DatasetReader(part)).digest);
}

TEST_F(NodeSamplesTest, ManyBlocksAreHashedByManyRanks) {
  world_.agree_on_root([&] {
    DatasetInfo info;
    info.columns = 1000;
    DatasetWriter writer(path_, info);
    test::Random random(2);
    std::vector<std::uint8_t> row(1000);
    for (int i = 0; i < 5000; ++i) {
      for (std::uint8_t& value : row) value = static_cast<std::uint8_t>(random.below(256));
      writer.append(1, row.data());
    }
    writer.finish();
  });
  const Communicator node = world_.split_by_node(0);
  NodeSamples loaded(world_, node, path_, 0, nothing_else);
  EXPECT_EQ(loaded.digest(), summarise(DatasetReader(path_)).digest);
}

TEST_F(NodeSamplesTest, MoreRowsThanTheFileHasAreRefused) {
  write(path_, 50, false);
  refused(Failure::usage, {"rows = 51", path_.string(), "has only 50 rows"}, path_, 51);
}

TEST_F(NodeSamplesTest, AFileThatIsMissingOnOneRankFailsOnAll) {
  write(path_, 10, false);
  for (int bad = 0; bad < world_.size(); ++bad) {
    refused(Failure::file, {"none.h5", "no such file"}, world_.rank() == bad ? path_.parent_path() / "none.h5" : path_,
            0);
  }
}

TEST_F(NodeSamplesTest, AWrongValueInTheShareOfOneRankFailsOnAll) {
  world_.agree_on_root([&] {
    Hdf5File file = Hdf5File::create(path_);
    std::vector<float> values(40 * 2, 0.5F);
    values[39 * 2 + 1] = 1.5F;
    file.create_array("/samples", ElementType::float32, {40, 2});
    file.write_rows("/samples", ElementType::float32, 0, 40, values.data());
    file.close();
  });
  refused(Failure::file, {"d.h5", "row 39, column 1", "1.5"}, path_, 0);
}

TEST_F(NodeSamplesTest, MemoryThatIsNotThereIsSaidBeforehand) {
  // A file of 10^13 bytes, of which the disk holds one row.
  world_.agree_on_root([&] {
    Hdf5File file = Hdf5File::create(path_);
    file.create_array("/samples", ElementType::uint8, {100000000, 100000});
    const std::vector<std::uint8_t> row(100000);
    file.write_rows("/samples", ElementType::uint8, 0, 1, row.data());
    file.close();
  });
  refused(Failure::other,
          {"not enough memory", path_.string(), "100000000 rows x 100000 columns", "10.0 TB on each node", "'rows'"},
          path_, 0);

  write(path_, 10, false);
  refused(Failure::other, {"not enough memory", "2.0 PB for each of its"}, path_, 0, 2000000000000000);
  refused(Failure::other, {"not enough memory"}, path_, 0, ~std::uint64_t{0});
}

}  // namespace
}  // namespace rbmpi
