#include "rbmpi/data/node_samples.hpp"

#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "rbmpi/core/system.hpp"
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
        writer.append({.count = 1, .samples = row.data(), .labels = labels ? &label : nullptr});
      }
      writer.finish();
    });
  }

  /// Collective. The message is the same on all ranks, as `fragments` say.
  void refused(Failure failure, const std::vector<std::string>& fragments, const fs::path& path, std::uint64_t rows,
               std::uint64_t other_bytes = 0, int ranks_per_node = 0) const {
    refused(
        failure, fragments, path, rows, [&](const DatasetInfo&) { return other_bytes; }, ranks_per_node);
  }
  void refused(Failure failure, const std::vector<std::string>& fragments, const fs::path& path, std::uint64_t rows,
               const std::function<std::uint64_t(const DatasetInfo&)>& other_bytes, int ranks_per_node) const {
    const Communicator node = world_.split_by_node(ranks_per_node);
    test::expect_error(failure, fragments, [&] {
      try {
        const NodeSamples samples(world_, node, path, rows, other_bytes);
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

/// A dataset of small numbers, of which each node may have another copy. The digest has two blocks of it.
struct Copy {
  static constexpr std::uint64_t columns = 1000;
  DatasetInfo info;
  std::vector<std::uint8_t> values;
  std::vector<std::int32_t> labels;

  Copy() : values(1100 * columns), labels(1100) {
    info.columns = columns;
    info.has_labels = true;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * i % 251);
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 10);
  }
  void write(const fs::path& path) const {
    DatasetWriter writer(path, info);
    writer.append({.count = values.size() / info.columns,
                   .samples = values.data(),
                   .labels = info.has_labels ? labels.data() : nullptr});
    writer.finish();
  }
};

TEST_F(NodeSamplesTest, NodesWithOtherCopiesOfTheDataAreRefused) {
  struct Case {
    void (*change)(Copy& copy);
    std::vector<std::string> fragments;
  };
  const std::string shape = "1100 rows x 1000 columns (uint8, 255 means 1.0, labels)";
  const std::vector<Case> cases = {
      {[](Copy& copy) { copy.values.back() ^= 1U; }, {"rows 1048 to 1099 of '", "others on host"}},
      {[](Copy& copy) { copy.values.front() ^= 1U; }, {"rows 0 to 1047 of '", "others on host"}},
      {[](Copy& copy) { copy.labels.back() += 1; }, {"the labels of rows 1048 to 1099 of '", "others on host"}},
      {[](Copy& copy) {
         for (std::uint8_t& value : std::span(copy.values).subspan(1050 * Copy::columns)) value ^= 255U;
       },
       {"rows 1048 to 1099 of '"}},
      {[](Copy& copy) { copy.values.resize(1099 * Copy::columns); }, {"1099 rows x 1000 columns", "but " + shape}},
      {[](Copy& copy) { copy.info.columns = 500; }, {"2200 rows x 500 columns", "but " + shape}},
      {[](Copy& copy) { copy.info.scale = 254.0; }, {"1000 columns (uint8, 254 means 1.0, labels)", "but " + shape}},
      {[](Copy& copy) { copy.info.has_labels = false; }, {"no labels)", "but " + shape}},
      {[](Copy& copy) {
         copy.info.picture = {40, 25};
       },
       {"pictures of 40x25, labels)", "but " + shape}},
  };
  const fs::path other = path_.parent_path() / "other.h5";
  world_.agree_on_root([&] { Copy().write(path_); });
  for (const int ranks_per_node : {1, 2}) {
    const int nodes = (world_.size() + ranks_per_node - 1) / ranks_per_node;
    if (nodes == 1) continue;
    const bool last_node = world_.rank() / ranks_per_node == nodes - 1;
    for (const Case& one : cases) {
      world_.agree_on_root([&] {
        Copy copy;
        one.change(copy);
        if (copy.info.columns == 500) copy.labels.resize(2200);
        copy.write(other);
      });
      std::vector<std::string> fragments = one.fragments;
      fragments.insert(fragments.end(), {other.string(), "host " + host_name(), "every node must read the same file",
                                         fmt::format("(on rank {} of", (nodes - 1) * ranks_per_node)});
      refused(Failure::file, fragments, last_node ? other : path_, 0, 0, ranks_per_node);
    }
  }
}

TEST_F(NodeSamplesTest, NodesWithEqualCopiesOfTheDataHaveItsDigest) {
  const fs::path other = path_.parent_path() / "other.h5";
  world_.agree_on_root([&] {
    Copy copy;
    copy.write(path_);
    copy.info.source = "elsewhere";  // other bytes in the file
    copy.write(other);
  });
  for (const int ranks_per_node : {1, 2}) {
    const Communicator node = world_.split_by_node(ranks_per_node);
    NodeSamples loaded(world_, node, world_.rank() / ranks_per_node == 0 ? path_ : other, 0, nothing_else);
    EXPECT_EQ(loaded.digest(), summarise(DatasetReader(path_)).digest);
  }
}

TEST_F(NodeSamplesTest, AFileThatChangesWhileItIsReadIsRefused) {
  const std::vector<std::function<void()>> changes = {
      [&] { test::overwrite(path_, 100'000, "x"); },
      [&] { fs::resize_file(path_, fs::file_size(path_) / 2); },
      [&] {
        Copy().write(path_);  // another file of that name
      },
  };
  for (const std::function<void()>& change : changes) {
    world_.agree_on_root([&] { Copy().write(path_); });
    // Called when the file was looked at, and not read yet.
    const auto change_it = [&](const DatasetInfo&) -> std::uint64_t {
      if (world_.is_root()) change();
      return 0;
    };
    for (const int ranks_per_node : {0, 1}) {
      refused(Failure::file, {"'" + path_.string() + "' changed while it was read"}, path_, 0, change_it,
              ranks_per_node);
      if (world_.is_root()) Copy().write(path_);
      world_.barrier();
    }
  }
}

/// All of the rows, as they are.
std::vector<double> values_of(const Rows& rows) {
  std::vector<double> values(rows.rows * rows.columns);
  RowBlocks(rows, rows.rows).next(0, rows.rows).read({0, rows.rows}, {values.data(), rows.rows, rows.columns});
  return values;
}

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
        const Rows& samples = loaded.rows();
        EXPECT_EQ(loaded.info().type, ElementType::float32);
        EXPECT_EQ(loaded.info().scale, 2.0);
        const std::vector<double> values = values_of(samples);
        ASSERT_EQ(values.size(), expected.size());
        for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(values[i], double{expected[i]} / 2) << i;
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
  EXPECT_EQ(loaded.rows().rows, 20U);
  EXPECT_EQ(loaded.info().rows, 20U);
  EXPECT_EQ(loaded.rows().labels[19], 9);
  EXPECT_EQ(loaded.digest(), summarise(DatasetReader(part)).digest);
}

// Each kind of memory has the same rows and the same digest as the file. Zeros and ones take an eighth of their bytes,
// wherever among other values they stop; sparse rows take what is there.
TEST_F(NodeSamplesTest, ZerosAndOnesAreKeptAsBitsAndSparseRowsAsTheyAre) {
  constexpr std::uint64_t rows = 300;
  constexpr std::uint64_t width = 100;
  const fs::path sparse = path_.parent_path() / "sparse.h5";
  for (const std::uint64_t grey_row : {rows, std::uint64_t{0}, std::uint64_t{100}, rows - 1}) {
    std::vector<float> values(rows * width);
    std::vector<std::uint64_t> ends;
    std::vector<std::int32_t> units;
    std::vector<float> nonzeros;
    test::Random random(3);
    for (std::uint64_t row = 0; row < rows; ++row) {
      for (std::uint64_t j = 0; j < width; ++j) {
        float& value = values[row * width + j];
        value = row == grey_row && j == 7 ? 1.5F : random.below(5) == 0 ? 2.0F : 0.0F;
        if (value == 0) continue;
        units.push_back(static_cast<std::int32_t>(j));
        nonzeros.push_back(value);
      }
      ends.push_back(units.size());
    }
    world_.agree_on_root([&] {
      DatasetInfo info;
      info.type = ElementType::float32;
      info.columns = width;
      info.scale = 2.0;
      DatasetWriter dense(path_, info);
      dense.append({.count = rows, .samples = values.data()});
      dense.finish();
      info.sparse = true;
      DatasetWriter writer(sparse, info);
      writer.append({.count = rows, .samples = nonzeros.data(), .ends = ends, .columns = units.data()});
      writer.finish();
    });
    const std::string digest = summarise(DatasetReader(path_)).digest;
    for (const int ranks_per_node : {0, 1}) {
      const Communicator node = world_.split_by_node(ranks_per_node);
      NodeSamples loaded(world_, node, path_, 0, nothing_else);
      EXPECT_EQ(loaded.bytes() < rows * width, grey_row == rows);
      NodeSamples loaded_sparse(world_, node, sparse, 0, nothing_else);
      EXPECT_LT(loaded_sparse.bytes(), rows * (width / 5 + 4) * 9);
      for (const NodeSamples* one : {&loaded, &loaded_sparse}) {
        EXPECT_EQ(one->digest(), digest);
        const std::vector<double> found = values_of(one->rows());
        for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(found[i], double{values[i]} / 2) << i;
      }
      NodeSamples some(world_, node, sparse, 10, nothing_else);
      EXPECT_EQ(values_of(some.rows()), values_of(loaded.rows().part(0, 10)));
    }
  }
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
      writer.append({.count = 1, .samples = row.data()});
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
  // A file of 10^13 bytes, of which the disk holds one row; as bits, 100000000 x 1563 x 8 bytes.
  world_.agree_on_root([&] {
    Hdf5File file = Hdf5File::create(path_);
    file.create_array("/samples", ElementType::uint8, {100000000, 100000});
    const std::vector<std::uint8_t> row(100000);
    file.write_rows("/samples", ElementType::uint8, 0, 1, row.data());
    file.close();
  });
  refused(Failure::other,
          {"not enough memory", path_.string(), "100000000 rows x 100000 columns", "1.3 TB on each node", "'rows'"},
          path_, 0);

  write(path_, 10, false);
  refused(Failure::other, {"not enough memory", "2.0 PB for each of its"}, path_, 0, 2000000000000000);
  refused(Failure::other, {"not enough memory"}, path_, 0, ~std::uint64_t{0});
}

}  // namespace
}  // namespace rbmpi
