#include "rbmpi/data/node_samples.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "data/rows_in_memory.hpp"
#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/checksum.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/system.hpp"
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

/// Throws if this node cannot hold the samples and what each of its ranks needs besides.
void check_memory(const Communicator& node, const std::filesystem::path& path, const DatasetInfo& info,
                  std::uint64_t sample_bytes, std::uint64_t other_bytes) {
  const std::uint64_t available = available_memory();
  other_bytes += std::min(program_memory, ~other_bytes);
  const auto ranks = static_cast<std::uint64_t>(node.size());
  if (sample_bytes > available || other_bytes > (available - sample_bytes) / ranks) {
    throw Error(
        Failure::other,
        fmt::format("not enough memory for '{}': {} rows x {} columns ({}) take {} on each node and the model, "
                    "buffers and program {} for each of its {} rank(s), but only {} are available; use fewer rows (key "
                    "'rows'), a smaller model or more memory",
                    path.string(), info.rows, info.columns, element_name(info.type), human_bytes(sample_bytes),
                    human_bytes(other_bytes), ranks, human_bytes(available)));
  }
}

// HDF5 files are read in child processes, where a crash of the library does no harm (storage/contained_read.hpp).

/// Opens a dataset again. One that was replaced meanwhile might not fit the memory that is there for it.
DatasetReader open_again(const std::filesystem::path& path, const DatasetInfo& info) {
  DatasetReader reader(path);
  const DatasetInfo& now = reader.info();
  if (now.type != info.type || now.rows < info.rows || now.columns != info.columns || now.scale != info.scale ||
      now.has_labels != info.has_labels) {
    throw Error(Failure::file, fmt::format("'{}' changed while it was read", path.string()));
  }
  return reader;
}

/// Reads some of the rows, and their labels, to where they belong. Between two children this process shows that it
/// lives. False if the rows are to be bits, and are not.
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
      if (!info.has_labels) return std::string();
      in_whole_chunks(info.label_chunks, of_child, work_of_a_call, [&](Shard piece) {
        throw_if_stopped("reading the labels");
        memory.read_labels(reader, piece);
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
  constexpr std::uint64_t some_rows = 64;
  bool bits = false;
  world.agree_on_root([&] {
    if (!can_be_bits(info.type, info.scale)) return;
    DatasetInfo first = info;
    first.rows = std::min(info.rows, std::max(info.sample_chunks.rows, some_rows));
    const auto look = [&] {
      AlignedBuffer<std::byte> memory(RowsInMemory::bytes(first, RowStorage::bits));
      const RowsInMemory as_bits(first, RowStorage::bits, memory.data());
      return as_bits.read(open_again(path, info), {0, first.rows}) ? std::string("bits") : std::string();
    };
    version.guard([&] { bits = !read_in_child(path, look).empty(); });
  });
  return from_root(bits, world) ? RowStorage::bits : RowStorage::as_stored;
}

/// Hash of the labels, if there are any.
std::optional<Digest> hash_labels(const Rows& rows) {
  if (rows.labels == nullptr) return std::nullopt;
  constexpr std::uint64_t piece = std::uint64_t{1} << 24U;
  Sha256 hash;
  for (std::uint64_t first = 0; first < rows.rows; first += piece) {
    throw_if_stopped("reading the labels");
    hash.update(std::as_bytes(std::span(rows.labels + first, std::min(piece, rows.rows - first))));
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
  return fmt::format("{} x {} ({}, {} means 1.0{}{})", plural(info.rows, "row"), plural(info.columns, "column"),
                     element_name(info.type), info.scale,
                     info.picture.empty() ? "" : fmt::format(", pictures of {}", fmt::join(info.picture, "x")),
                     info.has_labels ? ", labels" : ", no labels");
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

/// Collective. Throws an AgreedError if a node holds other samples or labels than that of the root. The ranks of each
/// node share the work, and what the nodes exchange is 16 bytes for a block of the digest.
void compare_copies(const Communicator& world, const Communicator& node, const std::filesystem::path& path,
                    const DatasetInfo& info, const RowsInMemory& memory, const std::string& root_host) {
  if (node.size() == world.size()) return;
  const auto number = [](const auto* values, std::size_t count) {
    return static_cast<std::int64_t>(checksum(std::as_bytes(std::span(values, count))).front());
  };
  // Of each block that of its rows and that of their labels. Each rank leaves zeros where others have numbers.
  std::vector<std::int64_t> checksums(2 * digest_blocks(info.rows, info.columns, info.type));
  world.agree([&] {
    const auto sum_up = [&](std::uint64_t block, const Samples& rows) {
      checksums[2 * block] = number(rows.values, rows.rows * rows.row_bytes());
      if (rows.labels != nullptr) checksums[2 * block + 1] = number(rows.labels, rows.rows);
    };
    for_my_blocks(node, info, memory, "comparing the data of the nodes", sum_up);
  });
  node.sum(std::span(checksums));
  std::vector<std::int64_t> of_root = checksums;
  world.broadcast(std::as_writable_bytes(std::span(of_root)));
  world.agree([&] {
    const auto place = std::ranges::mismatch(checksums, of_root).in1 - checksums.begin();
    if (place == std::ssize(checksums)) return;
    const std::uint64_t block_rows = digest_block_rows(info.columns, info.type);
    const std::uint64_t first = static_cast<std::uint64_t>(place) / 2 * block_rows;
    throw Error(Failure::file,
                fmt::format("{} {} to {} of '{}' (counted from 0) are others on host {} than on host {}: every node "
                            "must read the same file",
                            place % 2 == 0 ? "rows" : "the labels of rows", first,
                            std::min(first + block_rows, info.rows) - 1, path.string(), host_name(), root_host));
  });
}

/// Collective. The digest of samples that every node holds: the blocks are shared out over all ranks.
std::string shared_digest(const Communicator& world, const DatasetInfo& info, const RowsInMemory& memory,
                          const std::optional<Digest>& labels) {
  const std::uint64_t blocks = digest_blocks(info.rows, info.columns, info.type);
  // Each rank fills in its own hashes, four bytes to a number, and leaves zeros elsewhere: the sum is all of them.
  constexpr std::size_t words = sizeof(Digest) / 4;
  std::vector<std::int64_t> gathered(blocks * words);
  world.agree([&] {
    for_my_blocks(world, info, memory, "hashing the data", [&](std::uint64_t block, const Samples& rows) {
      const Digest digest = block_digest(rows);
      for (std::size_t word = 0; word < words; ++word) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, digest.data() + word * 4, 4);
        gathered[block * words + word] = bits;
      }
    });
  });
  world.sum(std::span(gathered));
  std::vector<Digest> digests(blocks);
  for (std::size_t i = 0; i < gathered.size(); ++i) {
    const auto bits = static_cast<std::uint32_t>(gathered[i]);
    std::memcpy(digests[i / words].data() + (i % words) * 4, &bits, 4);
  }
  return dataset_digest({info.type, nullptr, info.rows, info.columns, info.scale}, digests, labels);
}

}  // namespace

NodeSamples::NodeSamples(const Communicator& world, const Communicator& node, const std::filesystem::path& path,
                         std::uint64_t rows, const std::function<std::uint64_t(const DatasetInfo&)>& other_bytes) {
  std::optional<FileVersion> version;
  world.agree([&] {
    check_memory_to_read(node, path);
    version.emplace(path);
    info_ = read_after_trial(path, [&] { return DatasetReader(path).info(); });
  });
  const std::string root_host = world.broadcast(host_name());
  compare_shapes(world, path, info_, root_host);
  std::uint64_t other = 0;
  world.agree([&] {
    if (rows > info_.rows) {
      throw Error(Failure::usage, fmt::format("rows = {}: '{}' has only {}; give at most {}, or leave 'rows' out for "
                                              "all of them",
                                              rows, path.string(), plural(info_.rows, "row"), info_.rows));
    }
    if (rows != 0) info_.rows = rows;
    other = other_bytes(info_);
  });

  RowsInMemory memory;
  const auto read = [&](RowStorage storage) {
    const std::uint64_t bytes = RowsInMemory::bytes(info_, storage);
    world.agree([&] { check_memory(node, path, info_, bytes, other); });
    window_ = SharedWindow::on_every_node(world, node, bytes, fmt::format("'{}'", path.string()));
    memory = RowsInMemory(info_, storage, window_.bytes().data());
    bool fits = true;
    world.agree([&] {
      version->guard([&] { fits = read_shard(path, info_, shard(info_.rows, node.rank(), node.size()), memory); });
    });
    window_.synchronise();
    return world.maximum(fits ? 0 : 1) == 0;
  };
  if (!read(promising_storage(world, path, info_, *version))) (void)read(RowStorage::as_stored);

  rows_ = memory.rows();
  compare_copies(world, node, path, info_, memory, root_host);
  std::optional<Digest> labels;
  world.agree_on_root([&] { labels = hash_labels(rows_); });
  digest_ = world.broadcast(shared_digest(world, info_, memory, labels));
}

}  // namespace rbmpi
