#include "rbmpi/data/node_samples.hpp"

#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
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

/// All rows of a file in so much memory.
NodeSamples rows_within(const RowMemory& memory, const Communicator& world, const Communicator& node,
                        const fs::path& path) {
  return {world, node, path, 0, nothing_else, [=](const DatasetInfo&) { return memory; }};
}

/// Bytes with labels, which are to be written.
DatasetWriter labelled_bytes(const fs::path& path, std::uint64_t columns) {
  DatasetInfo info;
  info.columns = columns;
  info.has_labels = true;
  return {path, info};
}

/// A dataset of small numbers, of which each node may have another copy. The digest has two blocks of it.
struct Copy {
  static constexpr std::uint64_t columns = 1000;
  DatasetInfo info;
  std::vector<std::uint8_t> values;
  std::vector<std::int32_t> labels;
  std::vector<float> weights;

  Copy() : values(1100 * columns), labels(1100), weights(2200, 0.5F) {
    info.columns = columns;
    info.has_labels = true;
    info.has_weights = true;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * i % 251);
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % 10);
  }
  void write(const fs::path& path) const {
    DatasetWriter writer(path, info);
    writer.append({.count = values.size() / info.columns,
                   .samples = values.data(),
                   .labels = info.has_labels ? labels.data() : nullptr,
                   .weights = info.has_weights ? weights.data() : nullptr});
    writer.finish();
  }
};

TEST_F(NodeSamplesTest, NodesWithOtherCopiesOfTheDataAreRefused) {
  struct Case {
    void (*change)(Copy& copy);
    std::vector<std::string> fragments;
  };
  const std::string shape = "1100 rows x 1000 columns (uint8, 255 means 1.0, labels, weights)";
  const std::vector<Case> cases = {
      {[](Copy& copy) { copy.values.back() ^= 1U; }, {"rows 1048 to 1099 of '", "others on host"}},
      {[](Copy& copy) { copy.values.front() ^= 1U; }, {"rows 0 to 1047 of '", "others on host"}},
      {[](Copy& copy) { copy.labels.back() += 1; }, {"the labels of rows 1048 to 1099 of '", "others on host"}},
      {[](Copy& copy) { copy.weights[3] = 0.75F; }, {"the weights of rows 0 to 1047 of '", "others on host"}},
      {[](Copy& copy) {
         for (std::uint8_t& value : std::span(copy.values).subspan(1050 * Copy::columns)) value ^= 255U;
       },
       {"rows 1048 to 1099 of '"}},
      {[](Copy& copy) { copy.values.resize(1099 * Copy::columns); }, {"1099 rows x 1000 columns", "but " + shape}},
      {[](Copy& copy) { copy.info.columns = 500; }, {"2200 rows x 500 columns", "but " + shape}},
      {[](Copy& copy) { copy.info.scale = 254.0; },
       {"1000 columns (uint8, 254 means 1.0, labels, weights)", "but " + shape}},
      {[](Copy& copy) { copy.info.has_labels = false; }, {"no labels, weights)", "but " + shape}},
      {[](Copy& copy) { copy.info.has_weights = false; }, {", labels)", "but " + shape}},
      {[](Copy& copy) {
         copy.info.picture = {40, 25};
       },
       {"pictures of 40x25, labels, weights)", "but " + shape}},
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
      info.has_weights = true;
      std::vector<float> weights(rows);
      std::iota(weights.begin(), weights.end(), 0.0F);
      DatasetWriter dense(path_, info);
      dense.append({.count = rows, .samples = values.data(), .weights = weights.data()});
      dense.finish();
      info.sparse = true;
      DatasetWriter writer(sparse, info);
      writer.append({.count = rows,
                     .samples = nonzeros.data(),
                     .ends = ends,
                     .columns = units.data(),
                     .weights = weights.data()});
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
      // Rows that are to be held out go to the end.
      std::vector<double> moved;
      std::vector<float> moved_weights;
      for (const bool held_out : {false, true}) {
        for (std::uint64_t row = 0; row < rows; ++row) {
          const bool is_held_out = row == 0 || row % 7 == 3 || row == rows - 1;
          if (is_held_out == held_out) moved_weights.push_back(static_cast<float>(row));
          for (std::uint64_t j = 0; is_held_out == held_out && j < width; ++j) {
            moved.push_back(double{values[row * width + j]} / 2);
          }
        }
      }
      std::vector<std::uint64_t> held_out;
      for (std::uint64_t row = 0; row < rows; ++row) {
        if (row == 0 || row % 7 == 3 || row == rows - 1) held_out.push_back(row);
      }
      node.barrier();  // nobody reads them now
      for (NodeSamples* one : {&loaded, &loaded_sparse}) {
        one->move_to_end(held_out, node);
        EXPECT_EQ(values_of(one->rows()), moved);
        EXPECT_EQ(std::vector<float>(one->rows().weights, one->rows().weights + rows), moved_weights);
        EXPECT_EQ(one->digest(), digest);
        node.barrier();
      }
      NodeSamples some(world_, node, sparse, 10, nothing_else);
      EXPECT_EQ(values_of(some.rows()).front(), double{values.front()} / 2);
    }
  }
}

/// Bytes of which the digest has many blocks, with labels that count the rows.
struct ManyBlocks {
  static constexpr std::uint64_t rows = 20000;
  static constexpr std::uint64_t columns = 1000;

  static void write(const fs::path& path) {
    DatasetWriter writer = labelled_bytes(path, columns);
    // A thousand rows, written again and again with their numbers.
    constexpr std::uint64_t at_once = 1000;
    std::vector<std::uint8_t> values(at_once * columns);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * i % 251);
    std::vector<std::int32_t> labels(at_once);
    for (std::uint64_t first = 0; first < rows; first += at_once) {
      for (std::uint64_t i = 0; i < at_once; ++i) {
        labels[i] = static_cast<std::int32_t>(first + i);
        std::memcpy(&values[i * columns], &labels[i], sizeof labels[i]);
      }
      writer.append({.count = at_once, .samples = values.data(), .labels = labels.data()});
    }
    writer.finish();
  }

  /// As they are read while they are used: 14.5 of their 20 MB are in memory at a time.
  static NodeSamples streamed(const Communicator& world, const Communicator& node, const fs::path& path,
                              std::uint64_t block_rows) {
    return rows_within({.most_bytes = 14500000, .block_rows = block_rows, .step_rows = step_rows}, world, node, path);
  }
  static constexpr std::uint64_t step_rows = 90;
};

/// Reads the rows at some positions of an order from both, as the ranks of a node do together, and compares them.
class SameRows {
 public:
  SameRows(const Rows& streamed, const Rows& kept, const Communicator& node, std::uint64_t block_rows)
      : SameRows(streamed, kept, node,
                 {.most_rows = ManyBlocks::step_rows,
                  .slots = static_cast<std::size_t>(node.size()),
                  .slot = static_cast<std::size_t>(node.rank()),
                  .block_rows = block_rows}) {}
  SameRows(const Rows& streamed, const Rows& kept, const Communicator& node, const ReaderShare& share)
      : node_(node), columns_(kept.columns), kept_(kept, share.most_rows) {
    memory_.node = NodeArena(node, 64);
    reader_ = streamed.reader(share, memory_);
  }

  void expect_at(const RowOrder& order, std::uint64_t first, std::uint64_t count) {
    reader_->next(order, first, count);
    const RowReader& kept = kept_.next(order, first, count);
    const auto read = [&](const RowReader& reader) {
      std::vector<double> values(count * columns_);
      reader.read({0, count}, {values.data(), count, columns_});
      std::vector<std::int32_t> labels(count);
      reader.read_labels({0, count}, labels);
      return std::pair(values, labels);
    };
    ASSERT_TRUE(read(*reader_) == read(kept)) << "positions " << first << " to " << first + count;
    node_.barrier();  // nobody reads these rows any more
  }

 private:
  const Communicator& node_;
  std::uint64_t columns_;
  Workspace memory_;
  RowBlocks kept_;
  std::unique_ptr<RowReader> reader_;
};

// Rows that stay in the file are the same in whatever order they are wanted, for the ranks of a node together or for
// one alone, in few blocks or many, of all rows or of a part.
TEST_F(NodeSamplesTest, RowsThatStayInTheFileAreThoseOfTheMemory) {
  world_.agree_on_root([&] { ManyBlocks::write(path_); });
  const Communicator node = world_.split_by_node(2);
  const NodeSamples kept(world_, node, path_, 0, nothing_else);
  for (const std::uint64_t block_rows : {50U, 700U, 1048U, 2500U}) {
    const NodeSamples streamed = ManyBlocks::streamed(world_, node, path_, block_rows);
    ASSERT_TRUE(streamed.streamed());
    EXPECT_LT(streamed.bytes(), 14600000U);
    EXPECT_EQ(streamed.digest(), kept.digest());
    for (const std::uint64_t begin : {std::uint64_t{0}, block_rows + 1200}) {
      const Rows some = streamed.rows().part(begin, 15001);
      const Rows same = kept.rows().part(begin, 15001);
      SameRows rows(some, same, node, block_rows);
      for (const std::uint64_t epoch : {1U, 2U}) {
        const RowOrder order(some.rows, true, 7, 0, epoch, block_rows);
        // Two nodes share out batches of 131, and the training goes on somewhere.
        for (std::uint64_t at = 131 * 3 * epoch; at < 1800; at += 131) rows.expect_at(order, at, 66);
        rows.expect_at(order, some.rows - 90, 90);
      }
      rows.expect_at(RowOrder(some.rows, true, 7, 0, 1), 100, 90);
      rows.expect_at(RowOrder(some.rows, false, 7, 0, 1), 3100, 90);
      rows.expect_at(RowOrder(some.rows, false, 7, 0, 1), some.rows - 1, 1);
      rows.expect_at(RowOrder(some.rows, true, 7, 0, 3, block_rows), 0, 90);
    }
    // A rank alone.
    RowBlocks alone(streamed.rows(), 64);
    RowBlocks expected(kept.rows(), 64);
    for (const std::uint64_t first : {0U, 64U, 4160U, 19936U}) {
      std::vector<Real> values(64 * ManyBlocks::columns);
      std::vector<Real> right(values.size());
      alone.next(first, 64).read_on_all_threads({0, 64}, unrounded, {values.data(), 64, ManyBlocks::columns});
      expected.next(first, 64).read_on_all_threads({0, 64}, unrounded, {right.data(), 64, ManyBlocks::columns});
      ASSERT_EQ(values, right);
    }
  }
}

/// Has all rows read, in blocks of 1000.
void read_all(const NodeSamples& samples) {
  Workspace memory;
  const auto reader = samples.rows().reader({.most_rows = 90, .block_rows = 1000}, memory);
  const RowOrder order(ManyBlocks::rows, true, 1, 0, 1, 1000);
  for (std::uint64_t at = 0; at < ManyBlocks::rows; at += 500) reader->next(order, at, 90);
}

// What one rank cannot read ends the job, so here each is a job of its own.
TEST_F(NodeSamplesTest, RowsThatChangeInTheFileAreFoundWhenTheyAreRead) {
  const Communicator alone = world_.split(world_.rank());
  const fs::path mine = path_.parent_path() / fmt::format("{}.h5", world_.rank());
  ManyBlocks::write(mine);
  const NodeSamples streamed = ManyBlocks::streamed(alone, alone, mine, 1000);
  read_all(streamed);
  std::fstream(mine, std::ios::in | std::ios::out | std::ios::binary).seekp(-5000, std::ios::end) << "changed";
  test::expect_error(Failure::file, {mine.string(), "changed while it was read"}, [&] { read_all(streamed); });
}

// No node reads all of the file beforehand; so it is found when what it has is wanted.
TEST_F(NodeSamplesTest, NodesWithOtherCopiesOfRowsThatStayInTheFileAreRefusedWhenTheyRead) {
  if (world_.size() == 1) return;  // it needs another node
  const fs::path other = path_.parent_path() / "other.h5";
  world_.agree_on_root([&] {
    ManyBlocks::write(path_);
    fs::copy_file(path_, other);
    // A value in the middle of the file, which is samples but for a few kB.
    std::fstream bytes(other, std::ios::in | std::ios::out | std::ios::binary);
    const auto place = static_cast<std::streamoff>(fs::file_size(path_)) / 2;
    bytes.seekg(place);
    const auto value = static_cast<char>(bytes.get() ^ 1);
    bytes.seekp(place);
    bytes.put(value);
  });
  const Communicator node = world_.split_by_node(1);
  const NodeSamples streamed = ManyBlocks::streamed(world_, node, world_.rank() == 0 ? path_ : other, 1000);
  std::int64_t refused = 0;
  try {
    read_all(streamed);
  } catch (const Error& error) {
    refused = 1;
    EXPECT_THAT(error.what(), testing::HasSubstr("every node must read the same file"));
    EXPECT_THAT(error.what(), testing::HasSubstr("others on host " + host_name()));
  }
  world_.sum(std::span(&refused, 1));
  // Those with another copy than the one whose rank read this block for the digest.
  EXPECT_TRUE(refused == 1 || refused == world_.size() - 1) << refused;
}

/// Rows that are read one by one, each with a checksum of its own, and have labels.
struct LargeRows {
  static constexpr std::uint64_t rows = 60;
  static constexpr std::uint64_t columns = 70000;
  static constexpr std::uint64_t block_rows = 10;
  static constexpr std::uint64_t batch_rows = 8;

  static void write(const fs::path& path) {
    DatasetWriter writer = labelled_bytes(path, columns);
    std::vector<std::uint8_t> row(columns);
    for (std::int32_t i = 0; i < static_cast<std::int32_t>(rows); ++i) {
      for (std::size_t j = 0; j < columns; ++j)
        row[j] = static_cast<std::uint8_t>(j * static_cast<std::size_t>(i + 1) % 251);
      writer.append({.count = 1, .samples = row.data(), .labels = &i});
    }
    writer.finish();
  }

  static NodeSamples streamed(const Communicator& world, const Communicator& node, const fs::path& path) {
    return rows_within({.most_bytes = 3000000, .block_rows = block_rows, .step_rows = batch_rows}, world, node, path);
  }

  /// That of a node of one rank; those of all nodes, if `all`.
  static ReaderShare share(const Communicator& world, bool all) {
    return {.most_rows = batch_rows,
            .block_rows = block_rows,
            .batch_rows = all ? 0 : batch_rows,
            .nodes = world.size(),
            .node = world.rank()};
  }

  static Shard positions(const Communicator& world, std::uint64_t batch) {
    const std::uint64_t first = batch * batch_rows;
    const Shard mine = shard(std::min(batch_rows, rows - first), world.rank(), world.size());
    return {first + mine.first, mine.count};
  }
  static constexpr std::uint64_t batches = (rows - 1) / batch_rows + 1;
};

TEST_F(NodeSamplesTest, LargeRowsOfTheNodeAreThoseOfTheMemory) {
  world_.agree_on_root([&] { LargeRows::write(path_); });
  const Communicator node = world_.split_by_node(1);
  const NodeSamples kept(world_, node, path_, 0, nothing_else);
  const NodeSamples streamed = LargeRows::streamed(world_, node, path_);
  ASSERT_TRUE(streamed.streamed());
  SameRows same(streamed.rows(), kept.rows(), node, LargeRows::share(world_, false));
  for (const bool shuffled : {true, false}) {
    for (const std::uint64_t epoch : {1U, 2U}) {
      const RowOrder order(LargeRows::rows, shuffled, 3, 0, epoch, LargeRows::block_rows);
      for (std::uint64_t batch = 0; batch < LargeRows::batches; ++batch) {
        const Shard mine = LargeRows::positions(world_, batch);
        same.expect_at(order, mine.first, mine.count);
      }
      // Rows of other nodes as well, of blocks that are there in part, and back.
      same.expect_at(order, LargeRows::rows - 5, 5);
      same.expect_at(order, 3, 7);
      const Shard mine = LargeRows::positions(world_, 0);
      same.expect_at(order, mine.first, mine.count);
    }
  }
}

TEST_F(NodeSamplesTest, LargeRowsOfOtherNodesAreNotRead) {
  if (world_.size() == 1) return;  // it needs another node
  const RowOrder order(LargeRows::rows, true, 3, 0, 1, LargeRows::block_rows);
  const fs::path other = path_.parent_path() / "other.h5";
  world_.agree_on_root([&] {
    LargeRows::write(path_);
    fs::copy_file(path_, other);
    // A row of the first node, which reads it for the digest as well: it is in the first block of that.
    std::uint64_t place = 0;
    while (order.row(place) >= 14 || place % LargeRows::batch_rows != 0) ++place;
    std::vector<std::uint8_t> row(LargeRows::columns);
    const DatasetReader reader(path_);
    reader.read_samples(order.row(place), 1, row.data());
    std::fstream file(other, std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes(fs::file_size(other), '\0');
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    const std::size_t found = bytes.find(std::string(row.begin(), row.end()));
    ASSERT_NE(found, std::string::npos);
    file.seekp(static_cast<std::streamoff>(found)).put(static_cast<char>(row.front() ^ 1));
  });
  const Communicator node = world_.split_by_node(1);
  const NodeSamples streamed = LargeRows::streamed(world_, node, world_.rank() == 0 ? path_ : other);
  const auto read = [&](bool all) {
    Workspace memory;
    const auto reader = streamed.rows().reader(LargeRows::share(world_, all), memory);
    for (std::uint64_t batch = 0; batch < LargeRows::batches; ++batch) {
      const Shard mine = LargeRows::positions(world_, batch);
      reader->next(order, mine.first, mine.count);
    }
  };
  EXPECT_NO_THROW(read(false));
  if (world_.rank() > 0) {
    test::expect_error(Failure::file, {other.string(), "every node must read the same file"}, [&] { read(true); });
  }
}

TEST_F(NodeSamplesTest, MemoryThatDoesNotSufficeForBlocksIsSaidBeforehand) {
  world_.agree_on_root([&] { ManyBlocks::write(path_); });
  const Communicator node = world_.split_by_node(0);
  const auto refused_with = [&](const RowMemory& wishes, const std::vector<std::string>& fragments) {
    test::expect_error(Failure::usage, fragments, [&] { (void)rows_within(wishes, world_, node, path_); });
  };
  refused_with({.most_bytes = 5000000, .block_rows = 0, .step_rows = 90},
               {path_.string(), "20.1 MB", "shuffle-block = N"});
  refused_with({.most_bytes = 3000000, .block_rows = 1000, .step_rows = 90},
               {"memory = 3.0 MB", "3 blocks", "shuffle-block = 1000", "3.4 MB"});
  // Of ranks that read by themselves each wants its own.
  const RowMemory by_ranks{.most_bytes = 3500000, .block_rows = 1000, .step_rows = 90, .by_ranks = true};
  if (node.size() == 1) {
    EXPECT_TRUE(rows_within(by_ranks, world_, node, path_).streamed());
  } else {
    refused_with(by_ranks, {"memory = 3.5 MB", "3 for each of " + std::to_string(node.size()) + " ranks"});
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
