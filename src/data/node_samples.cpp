#include "rbmpi/data/node_samples.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/rows_in_memory.hpp"
#include "data/streamed_samples.hpp"
#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/checksum.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/system.hpp"
#include "rbmpi/data/data_look.hpp"
#include "rbmpi/data/dataset_digest.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/parallel/from_root.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/file_version.hpp"

namespace rbmpi {
namespace {

/// Throws if there is not even memory for children that read: HDF5 takes that for a fault of the file.
void check_memory_to_read(const Communicator& node, const std::filesystem::path& path) {
  const std::uint64_t needed = program_memory * static_cast<std::uint64_t>(node.size());
  const std::uint64_t available = available_memory();
  if (needed <= available) return;
  throw Error(Failure::other, fmt::format("not enough memory to read '{}': {} rank(s) on a node need {} to begin with, "
                                          "but only {} are available",
                                          path.string(), node.size(), human_bytes(needed), human_bytes(available)));
}

/// Whether this node can hold the samples and what each of its ranks needs besides.
bool fits_memory(const Communicator& node, std::uint64_t available, std::uint64_t sample_bytes,
                 std::uint64_t other_bytes) {
  return sample_bytes <= available &&
         other_bytes <= (available - sample_bytes) / static_cast<std::uint64_t>(node.size());
}

/// What a rank needs besides: the program as well.
std::uint64_t with_program(std::uint64_t other_bytes) {
  return other_bytes + std::min(program_memory, ~other_bytes);
}

/// Throws if it cannot.
void check_memory(const Communicator& node, const std::filesystem::path& path, const DatasetInfo& info,
                  std::uint64_t sample_bytes, std::uint64_t other_bytes) {
  const std::uint64_t available = available_memory();
  if (!fits_memory(node, available, sample_bytes, other_bytes)) {
    throw Error(
        Failure::other,
        fmt::format("not enough memory for '{}': {} rows x {} columns ({}) take {} on each node and the model, "
                    "buffers and program {} for each of its {} rank(s), but only {} are available; use fewer rows (key "
                    "'rows'), a smaller model or more memory",
                    path.string(), info.rows, info.columns, element_name(info.type), human_bytes(sample_bytes),
                    human_bytes(other_bytes), node.size(), human_bytes(available)));
  }
}

// HDF5 files are read in child processes, where a crash of the library does no harm (storage/contained_read.hpp).

/// Reads some of the rows, their labels and weights, to where they belong. Between two children this process shows that
/// it lives. False if the rows are to be bits, and are not.
bool read_shard(const std::filesystem::path& path, const DatasetInfo& info, Shard rows, const RowsInMemory& memory) {
  constexpr std::uint64_t work_of_a_child = std::uint64_t{1} << 30U;
  bool fits = true;
  in_whole_chunks(info.sample_chunks, rows, work_of_a_child, [&](Shard of_child) {
    throw_if_stopped("reading the data");
    if (!fits) return;
    const std::string problem = read_in_child(path, [&] {
      const DatasetReader reader = open_again(path, info);
      bool all_fit = true;
      in_whole_chunks(info.sample_chunks, of_child, work_of_a_call, [&](Shard piece) {
        throw_if_stopped("reading the data");
        all_fit = all_fit && memory.read(reader, piece);
      });
      if (!all_fit) return std::string("not bits");
      in_whole_chunks(info.label_chunks, info.has_labels ? of_child : Shard(), work_of_a_call, [&](Shard piece) {
        throw_if_stopped("reading the labels");
        memory.read_labels(reader, piece);
      });
      in_whole_chunks(info.weight_chunks, info.has_weights ? of_child : Shard(), work_of_a_call, [&](Shard piece) {
        throw_if_stopped("reading the weights");
        memory.read_weights(reader, piece);
      });
      return std::string();
    });
    fits = problem.empty();
  });
  return fits;
}

/// Collective. How the rows of a file may lie in memory: as bits, if its first rows are zeros and ones.
RowStorage promising_storage(const Communicator& world, const std::filesystem::path& path, const DatasetInfo& info,
                             const FileVersion& version) {
  if (info.sparse) return RowStorage::sparse;
  constexpr std::uint64_t some_bytes = std::uint64_t{16} << 20U;
  bool bits = false;
  world.agree_on_root([&] {
    if (!can_be_bits(info.type, info.scale)) return;
    DatasetInfo first = info;
    const std::uint64_t row_bytes = info.row_bytes();
    first.rows = std::clamp<std::uint64_t>(some_bytes / row_bytes, 1, info.rows);
    const auto look = [&] {
      AlignedBuffer<std::byte> memory(RowsInMemory::bytes(first, RowStorage::bits));
      const RowsInMemory as_bits(first, RowStorage::bits, memory.data());
      return as_bits.read(open_again(path, info), {0, first.rows}) ? std::string("bits") : std::string();
    };
    version.guard([&] { bits = !read_in_child(path, look).empty(); });
  });
  return from_root(bits, world) ? RowStorage::bits : RowStorage::as_stored;
}

/// Collective. The look at samples that every node holds: its ranks share the rows.
DataLook look_at(const Communicator& world, const Communicator& node, const DatasetInfo& info,
                 const RowsInMemory& memory) {
  DataLook look(info.columns);
  world.agree([&] {
    constexpr std::uint64_t piece = std::uint64_t{1} << 20U;  // bytes, which stay in a cache where they are made
    const std::uint64_t row_bytes = info.row_bytes();
    const std::uint64_t rows_at_once = std::max<std::uint64_t>(1, piece / row_bytes);
    const Shard mine = shard(info.rows, node.rank(), node.size());
    std::vector<std::byte> buffer;
    for (std::uint64_t done = 0; done < mine.count; done += rows_at_once) {
      throw_if_stopped("looking at the data");
      Samples rows = memory.stored(mine.first + done, std::min(rows_at_once, mine.count - done), buffer);
      rows.labels = nullptr;
      look.add(rows);
    }
  });
  look.combine(node);
  return look;
}

/// Hash of the labels or of the weights, if there are any.
template <typename Number>
std::optional<Digest> hash_numbers(const Number* numbers, std::uint64_t rows) {
  if (numbers == nullptr) return std::nullopt;
  constexpr std::uint64_t piece = std::uint64_t{1} << 24U;
  Sha256 hash;
  for (std::uint64_t first = 0; first < rows; first += piece) {
    throw_if_stopped("hashing the data");
    hash.update(std::as_bytes(std::span(numbers + first, std::min(piece, rows - first))));
  }
  return hash.finish();
}

/// Calls `work(block, its rows as stored)` for the blocks of the digest that fall to this one of the ranks that share
/// the work.
template <typename Work>
void for_my_blocks(const Communicator& ranks, const DatasetInfo& info, const RowsInMemory& memory, const char* doing,
                   const Work& work) {
  const std::uint64_t block_rows = digest_block_rows(info.columns, info.type);
  const Shard mine = shard(digest_blocks(info.rows, info.columns, info.type), ranks.rank(), ranks.size());
  std::vector<std::byte> buffer;
  for (std::uint64_t block = mine.first; block < mine.first + mine.count; ++block) {
    throw_if_stopped(doing);
    const std::uint64_t first = block * block_rows;
    work(block, memory.stored(first, std::min(block_rows, info.rows - first), buffer));
  }
}

// Each node reads its own copy of the file, and a digest is that of all of them only if they are the same.

/// What a file says of itself, as far as it enters the training.
std::string in_words(const DatasetInfo& info) {
  return fmt::format("{} x {} ({}, {} means 1.0{}{}{})", plural(info.rows, "row"), plural(info.columns, "column"),
                     element_name(info.type), info.scale,
                     info.picture.empty() ? "" : fmt::format(", pictures of {}", fmt::join(info.picture, "x")),
                     info.has_labels ? ", labels" : ", no labels", info.has_weights ? ", weights" : "");
}

/// Collective. Throws an AgreedError if the file of a rank says something else than that of the root.
void compare_shapes(const Communicator& world, const std::filesystem::path& path, const DatasetInfo& info,
                    const std::string& root_host) {
  const std::string here = in_words(info);
  const std::string there = world.broadcast(here);
  world.agree([&] {
    if (here == there) return;
    throw Error(Failure::file, fmt::format("'{}' has {} on host {}, but {} on host {}: every node must read the same "
                                           "file",
                                           path.string(), here, host_name(), there, root_host));
  });
}

/// Collective. Throws an AgreedError if a node holds other samples, labels or weights than that of the root. The ranks
/// of each node share the work, and what the nodes exchange is 24 bytes for a block of the digest.
void compare_copies(const Communicator& world, const Communicator& node, const std::filesystem::path& path,
                    const DatasetInfo& info, const RowsInMemory& memory, const std::string& root_host) {
  if (node.size() == world.size()) return;
  const auto number = [](const auto* values, std::size_t count) {
    return static_cast<std::int64_t>(checksum(std::as_bytes(std::span(values, count))).front());
  };
  // Of each block that of its rows, of their labels and of their weights. Each rank leaves zeros where others have
  // numbers.
  static constexpr const char* parts[] = {"rows", "the labels of rows", "the weights of rows"};
  const std::uint64_t block_rows = digest_block_rows(info.columns, info.type);
  std::vector<std::int64_t> checksums(std::size(parts) * digest_blocks(info.rows, info.columns, info.type));
  world.agree([&] {
    const auto sum_up = [&](std::uint64_t block, const Samples& rows) {
      std::int64_t* const of_block = &checksums[std::size(parts) * block];
      of_block[0] = number(rows.values, rows.rows * rows.row_bytes());
      if (rows.labels != nullptr) of_block[1] = number(rows.labels, rows.rows);
      if (memory.weights() != nullptr) of_block[2] = number(memory.weights() + block * block_rows, rows.rows);
    };
    for_my_blocks(node, info, memory, "comparing the data of the nodes", sum_up);
  });
  node.sum(std::span(checksums));
  std::vector<std::int64_t> of_root = checksums;
  world.broadcast(std::as_writable_bytes(std::span(of_root)));
  world.agree([&] {
    const auto place = std::ranges::mismatch(checksums, of_root).in1 - checksums.begin();
    if (place == std::ssize(checksums)) return;
    const std::uint64_t first = static_cast<std::uint64_t>(place) / std::size(parts) * block_rows;
    throw Error(Failure::file,
                fmt::format("{} {} to {} of '{}' (counted from 0) are others on host {} than on host {}: every node "
                            "must read the same file",
                            parts[static_cast<std::size_t>(place) % std::size(parts)], first,
                            std::min(first + block_rows, info.rows) - 1, path.string(), host_name(), root_host));
  });
}

/// Collective. Numbers of blocks, of which each rank has its own and leaves zeros elsewhere, on every rank.
template <typename Number>
void gather_blocks(const Communicator& world, std::vector<Number>& blocks) {
  static_assert(sizeof(Number) % 4 == 0);
  constexpr std::size_t words = sizeof(Number) / 4;
  // Four bytes to a number, so that the sum is all of them.
  std::vector<std::int64_t> gathered(blocks.size() * words);
  for (std::size_t i = 0; i < gathered.size(); ++i) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, reinterpret_cast<const std::byte*>(&blocks[i / words]) + (i % words) * 4, 4);
    gathered[i] = bits;
  }
  world.sum(std::span(gathered));
  for (std::size_t i = 0; i < gathered.size(); ++i) {
    const auto bits = static_cast<std::uint32_t>(gathered[i]);
    std::memcpy(reinterpret_cast<std::byte*>(&blocks[i / words]) + (i % words) * 4, &bits, 4);
  }
}

/// Collective. The hashes of the blocks of samples that every node holds, which are shared out over all ranks.
std::vector<Digest> hash_blocks(const Communicator& world, const DatasetInfo& info, const RowsInMemory& memory) {
  std::vector<Digest> digests(digest_blocks(info.rows, info.columns, info.type));
  world.agree([&] {
    for_my_blocks(world, info, memory, "hashing the data",
                  [&](std::uint64_t block, const Samples& rows) { digests[block] = block_digest(rows); });
  });
  gather_blocks(world, digests);
  return digests;
}

/// Collective. The same of samples that stay in the file, with the checksums by which they are known again: each rank
/// reads a part of them.
StreamedBlocks read_all_blocks(const Communicator& world, const std::filesystem::path& path, const DatasetInfo& info,
                               const FileVersion& version) {
  const std::uint64_t blocks = digest_blocks(info.rows, info.columns, info.type);
  const CheckedRows checked(info);
  StreamedBlocks all{std::vector<Digest>(blocks), std::vector<std::uint64_t>(checked.count()), DataLook(info.columns)};
  const Shard mine = shard(blocks, world.rank(), world.size());
  // What a child has read comes back as bytes; between two of them this process shows that it lives.
  const std::uint64_t bytes = digest_block_rows(info.columns, info.type) * info.row_bytes();
  const std::uint64_t at_once = std::max<std::uint64_t>(1, (std::uint64_t{1} << 30U) / bytes);
  world.agree([&] {
    for (std::uint64_t done = 0; done < mine.count; done += at_once) {
      throw_if_stopped("reading the data");
      const Shard some{mine.first + done, std::min(at_once, mine.count - done)};
      const Shard checksums = checked.of_blocks(some);
      const std::size_t digest_bytes = some.count * sizeof(Digest);
      const std::size_t checksum_bytes = checksums.count * sizeof(std::uint64_t);
      std::string read;
      version.guard([&] {
        read = read_in_child(path, [&] {
          const StreamedBlocks found = read_blocks(path, info, some);
          return std::string(reinterpret_cast<const char*>(found.digests.data()), digest_bytes) +
                 std::string(reinterpret_cast<const char*>(found.checksums.data()), checksum_bytes) + found.look.pack();
        });
      });
      std::memcpy(&all.digests[some.first], read.data(), digest_bytes);
      std::memcpy(&all.checksums[checksums.first], read.data() + digest_bytes, checksum_bytes);
      all.look.merge(DataLook::unpack(read.substr(digest_bytes + checksum_bytes)));
    }
  });
  all.look.combine(world);
  gather_blocks(world, all.digests);
  gather_blocks(world, all.checksums);
  return all;
}

/// Collective. Throws an AgreedError if the labels, or the weights, of a node are others than those of the root.
template <typename Number>
void compare_numbers(const Communicator& world, const std::filesystem::path& path, const char* what,
                     const Number* numbers, std::uint64_t rows, const std::string& root_host) {
  if (numbers == nullptr) return;
  const Checksum here = checksum(std::as_bytes(std::span(numbers, rows)));
  const Checksum there = from_root(here, world);
  world.agree([&] {
    if (here == there) return;
    throw Error(Failure::file, fmt::format("the {} of '{}' are others on host {} than on host {}: every node must "
                                           "read the same file",
                                           what, path.string(), host_name(), root_host));
  });
}

/// Bytes of memory for the blocks of rows that stay in the file, where so many readers of a node have blocks of their
/// own. Throws if what may be taken does not suffice, or there is nothing that says in which blocks they are wanted.
std::uint64_t bytes_of_blocks(const std::filesystem::path& path, const DatasetInfo& info, const RowMemory& wishes,
                              std::uint64_t all_bytes, std::uint64_t readers) {
  const auto cannot = [&](const std::string& why) {
    throw Error(Failure::usage, fmt::format("not enough memory for the rows of '{}', which take {}: {}", path.string(),
                                            human_bytes(all_bytes), why));
  };
  if (info.sparse) cannot("they are sparse, and only dense rows are read while they are used");
  if (wishes.step_rows == 0) return 0;
  if (wishes.block_rows == 0) {
    cannot(
        "shuffle-block = N, in rows, lets them be read in blocks while they are used; blocks of 256 MB would be right");
  }
  const std::uint64_t block = streamed_block_bytes(info, wishes.block_rows);
  const std::uint64_t least = readers * streamed_blocks(wishes.step_rows, wishes.block_rows) * block;
  const std::uint64_t most = wishes.most_bytes > 0 ? wishes.most_bytes : least + block;
  if (most < least) {
    const std::string by_ranks = readers == 1 ? ""
                                              : fmt::format(", {} for each of {} ranks that read by themselves",
                                                            least / block / readers, readers);
    cannot(fmt::format(
        "memory = {} does not hold the {} that are wanted of shuffle-block = {} rows{}; {} or a smaller "
        "shuffle-block would be right",
        human_bytes(most), plural(least / block, "block"), wishes.block_rows, by_ranks, human_bytes(least)));
  }
  return readers > 1 ? least : most / block * block;  // more are of use to who reads ahead for others
}

/// What the steps of reading a file share.
struct Loading {
  const Communicator& world;
  const Communicator& node;
  const std::filesystem::path& path;
  const FileVersion& version;
  const DatasetInfo& info;
  std::string root_host;
  std::uint64_t other_bytes = 0;  ///< for each rank

  /// Collective. Whether every node may hold the rows so.
  [[nodiscard]] bool may_hold(RowStorage storage, std::uint64_t most_bytes) const {
    const std::uint64_t bytes = RowsInMemory::bytes(info, storage);
    const bool may = most_bytes > 0 ? bytes <= most_bytes : fits_memory(node, available_memory(), bytes, other_bytes);
    return world.maximum(may ? 0 : 1) == 0;
  }

  /// Collective. Whether every node has memory for what is wanted besides the rows.
  [[nodiscard]] bool others_fit() const {
    return world.maximum(fits_memory(node, available_memory(), 0, other_bytes) ? 0 : 1) == 0;
  }

  /// Collective. Memory for the rows, and more for other things.
  [[nodiscard]] SharedWindow window(RowStorage storage, std::uint64_t more_bytes) const {
    const std::uint64_t bytes = RowsInMemory::bytes(info, storage) + more_bytes;
    world.agree([&] { check_memory(node, path, info, bytes, other_bytes); });
    return SharedWindow::on_every_node(world, node, bytes, fmt::format("'{}'", path.string()));
  }

  /// Collective. Reads the rows. False if they are to be bits, and are not.
  [[nodiscard]] bool read(const SharedWindow& window, const RowsInMemory& memory) const {
    bool fits = true;
    world.agree([&] {
      version.guard([&] { fits = read_shard(path, info, shard(info.rows, node.rank(), node.size()), memory); });
    });
    window.synchronise();
    return world.maximum(fits ? 0 : 1) == 0;
  }

  /// Collective. Of rows with these blocks.
  [[nodiscard]] std::string digest(std::vector<Digest> blocks, const RowsInMemory& memory) const {
    DatasetDigests digests{.blocks = std::move(blocks), .labels = {}, .weights = {}, .colours = colours_text(info)};
    world.agree_on_root([&] {
      digests.labels = hash_numbers(memory.labels(), info.rows);
      digests.weights = hash_numbers(memory.weights(), info.rows);
    });
    return world.broadcast(dataset_digest({info.type, nullptr, info.rows, info.columns, info.scale}, digests));
  }
};

}  // namespace

NodeSamples::NodeSamples(const Communicator& world, const Communicator& node, const std::filesystem::path& path,
                         std::uint64_t rows, const std::function<std::uint64_t(const DatasetInfo&)>& other_bytes,
                         const std::function<RowMemory(const DatasetInfo&)>& row_memory, std::optional<double> scale) {
  std::optional<FileVersion> version;
  world.agree([&] {
    check_memory_to_read(node, path);
    version.emplace(path);
    info_ = read_after_trial(path, [&] { return DatasetReader(path, Values::amounts, scale).info(); });
  });
  Loading loading{world, node, path, *version, info_, world.broadcast(host_name())};
  compare_shapes(world, path, info_, loading.root_host);
  RowMemory wishes;
  world.agree([&] {
    if (rows > info_.rows) {
      throw Error(Failure::usage, fmt::format("rows = {}: '{}' has only {}; give at most {}, or leave 'rows' out for "
                                              "all of them",
                                              rows, path.string(), plural(info_.rows, "row"), info_.rows));
    }
    if (rows != 0) info_.rows = rows;
    loading.other_bytes = with_program(other_bytes(info_));
    if (row_memory) wishes = row_memory(info_);
  });

  RowStorage storage = promising_storage(world, path, info_, *version);
  RowsInMemory memory;
  const auto take = [&](std::uint64_t more_bytes) {
    window_ = loading.window(storage, more_bytes);
    memory = RowsInMemory(info_, storage, window_.bytes().data());
    return loading.read(window_, memory);
  };
  // Rows may stay in the file if nothing but them is too large.
  const bool may_stream = row_memory && loading.others_fit();
  streamed_ = may_stream && !loading.may_hold(storage, wishes.most_bytes);
  if (!streamed_ && !take(0)) {
    storage = RowStorage::as_stored;
    streamed_ = may_stream && !loading.may_hold(storage, wishes.most_bytes);
    if (!streamed_) (void)take(0);
  }
  if (!streamed_) {
    rows_ = memory.rows();
    move_to_end_ = [memory](std::span<const std::uint64_t> moved) { memory.move_to_end(moved); };
    compare_copies(world, node, path, info_, memory, loading.root_host);
    findings_ = rbmpi::findings(look_at(world, node, info_, memory), info_, path);
    digest_ = loading.digest(hash_blocks(world, info_, memory), memory);
    return;
  }
  std::uint64_t bytes = 0;
  const auto readers = static_cast<std::uint64_t>(wishes.by_ranks ? node.size() : 1);
  world.agree([&] { bytes = bytes_of_blocks(path, info_, wishes, RowsInMemory::bytes(info_, storage), readers); });
  if (readers > 1) {
    loading.other_bytes += bytes / readers;
    bytes_of_ranks_ = std::exchange(bytes, 0);
  }
  storage = RowStorage::none;
  (void)take(bytes);
  compare_numbers(world, path, "labels", memory.labels(), info_.rows, loading.root_host);
  compare_numbers(world, path, "weights", memory.weights(), info_.rows, loading.root_host);
  StreamedBlocks blocks = read_all_blocks(world, path, info_, *version);
  findings_ = rbmpi::findings(blocks.look, info_, path);
  digest_ = loading.digest(std::move(blocks.digests), memory);
  rows_ = rows_of(std::make_shared<StreamedFile>(StreamedFile{.path = path,
                                                              .version = *version,
                                                              .info = info_,
                                                              .checksums = std::move(blocks.checksums),
                                                              .labels = memory.labels(),
                                                              .block_rows = wishes.block_rows}),
                  window_.bytes().last(bytes), static_cast<std::size_t>(node.size()));
  rows_.weights = memory.weights();
}

void NodeSamples::move_to_end(std::span<const std::uint64_t> rows, const Communicator& node) {
  node.agree_on_root([&] { move_to_end_(rows); });
  window_.synchronise();
}

}  // namespace rbmpi
