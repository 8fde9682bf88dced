#include "rbmpi/data/node_samples.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/data/dataset_digest.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/storage/contained_read.hpp"

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
                  std::uint64_t rows, std::uint64_t sample_bytes, std::uint64_t other_bytes) {
  const std::uint64_t available = available_memory();
  other_bytes += std::min(program_memory, ~other_bytes);
  const auto ranks = static_cast<std::uint64_t>(node.size());
  if (sample_bytes > available || other_bytes > (available - sample_bytes) / ranks) {
    throw Error(
        Failure::other,
        fmt::format("not enough memory for '{}': {} rows x {} columns ({}) take {} on each node and the model, "
                    "buffers and program {} for each of its {} rank(s), but only {} are available; use fewer rows (key "
                    "'rows'), a smaller model or more memory",
                    path.string(), rows, info.columns, element_name(info.type), human_bytes(sample_bytes),
                    human_bytes(other_bytes), ranks, human_bytes(available)));
  }
}

// HDF5 files are read in child processes, where a crash of the library does no harm (storage/contained_read.hpp); their
// results come back as bytes.

/// A dataset's description without its texts, as it is in memory.
struct PackedInfo {
  ElementType type;
  bool has_labels;
  bool has_picture;
  std::uint64_t rows;
  std::uint64_t columns;
  std::uint64_t height;
  std::uint64_t width;
  std::uint64_t chunk_rows;
  double scale;
};

std::string pack(const DatasetInfo& info) {
  const bool has_picture = !info.picture.empty();
  const PackedInfo packed{.type = info.type,
                          .has_labels = info.has_labels,
                          .has_picture = has_picture,
                          .rows = info.rows,
                          .columns = info.columns,
                          .height = has_picture ? info.picture[0] : 0,
                          .width = has_picture ? info.picture[1] : 0,
                          .chunk_rows = info.chunk_rows,
                          .scale = info.scale};
  std::string bytes(sizeof packed, '\0');
  std::memcpy(bytes.data(), &packed, sizeof packed);
  return bytes + info.source;
}

DatasetInfo unpack(const std::string& bytes) {
  PackedInfo packed{};
  std::memcpy(&packed, bytes.data(), sizeof packed);
  DatasetInfo info;
  info.type = packed.type;
  info.rows = packed.rows;
  info.columns = packed.columns;
  info.scale = packed.scale;
  if (packed.has_picture) info.picture = {packed.height, packed.width};
  info.has_labels = packed.has_labels;
  info.source = bytes.substr(sizeof packed);
  info.chunk_rows = packed.chunk_rows;
  return info;
}

DatasetInfo read_info(const std::filesystem::path& path) {
  return unpack(read_in_child(path, [&] { return pack(DatasetReader(path).info()); }));
}

/// Opens a dataset again. One that was replaced meanwhile might not fit the memory that is there for it.
DatasetReader open_again(const std::filesystem::path& path, const DatasetInfo& info) {
  DatasetReader reader(path);
  const DatasetInfo& now = reader.info();
  if (now.type != info.type || now.rows < info.rows || now.columns != info.columns || now.scale != info.scale ||
      now.has_labels != info.has_labels) {
    throw Error(Failure::file, fmt::format("cannot read '{}': it changed while it was read", path.string()));
  }
  return reader;
}

/// The end of the block of whole chunks of the file, of about `block_bytes`, in which row `first` is.
std::uint64_t block_end(const DatasetInfo& info, std::uint64_t block_bytes, std::uint64_t first) {
  const std::uint64_t row_bytes = info.columns * element_size(info.type);
  const std::uint64_t chunk_rows = std::max<std::uint64_t>(1, info.chunk_rows);
  const std::uint64_t block_rows = std::max<std::uint64_t>(1, block_bytes / row_bytes / chunk_rows) * chunk_rows;
  return (first / block_rows + 1) * block_rows;
}

/// Where labels begin in the window: behind the samples.
std::uint64_t labels_offset(const DatasetInfo& info) {
  return whole_lines<std::byte>(info.rows * info.columns * element_size(info.type));
}

std::uint64_t window_bytes(const DatasetInfo& info) {
  return labels_offset(info) + (info.has_labels ? info.rows * sizeof(std::int32_t) : 0);
}

/// Reads some of the rows, and their labels, to where they belong in `window`. Between two children this process shows
/// that it lives.
void read_shard(const std::filesystem::path& path, const DatasetInfo& info, Shard rows, std::byte* window) {
  constexpr std::uint64_t bytes_of_a_child = std::uint64_t{1} << 30U;
  constexpr std::uint64_t bytes_of_a_call = std::uint64_t{64} << 20U;
  const std::uint64_t row_bytes = info.columns * element_size(info.type);
  const std::uint64_t last = rows.first + rows.count;
  auto* const labels = reinterpret_cast<std::int32_t*>(window + labels_offset(info));
  for (std::uint64_t begin = rows.first; begin < last;) {
    now_doing("reading the data");
    throw_if_stopped("reading the data");
    const std::uint64_t end = std::min(block_end(info, bytes_of_a_child, begin), last);
    static_cast<void>(read_in_child(path, [&] {
      const DatasetReader reader = open_again(path, info);
      for (std::uint64_t first = begin; first < end;) {
        throw_if_stopped("reading the data");
        const std::uint64_t next = std::min(block_end(info, bytes_of_a_call, first), end);
        reader.read_samples(first, next - first, window + first * row_bytes);
        if (info.has_labels) reader.read_labels(first, next - first, labels + first);
        first = next;
      }
      return std::string();
    }));
    begin = end;
  }
}

/// Hash of the labels, if there are any.
std::optional<Digest> hash_labels(const Samples& samples) {
  if (samples.labels == nullptr) return std::nullopt;
  constexpr std::uint64_t piece = std::uint64_t{1} << 24U;
  Sha256 hash;
  for (std::uint64_t first = 0; first < samples.rows; first += piece) {
    throw_if_stopped("reading the labels");
    still_at_work();
    hash.update(std::as_bytes(std::span(samples.labels + first, std::min(piece, samples.rows - first))));
  }
  return hash.finish();
}

/// Collective. The digest of samples that every node holds: the blocks are shared out over all ranks.
std::string shared_digest(const Communicator& world, const Samples& samples, const std::optional<Digest>& labels) {
  const std::uint64_t block_rows = digest_block_rows(samples.columns, samples.type);
  const std::uint64_t blocks = digest_blocks(samples.rows, samples.columns, samples.type);
  const Shard mine = shard(blocks, world.rank(), world.size());
  // Each rank fills in its own hashes, four bytes to a number, and leaves zeros elsewhere: the sum is all of them.
  constexpr std::size_t words = sizeof(Digest) / 4;
  std::vector<std::int64_t> gathered(blocks * words);
  world.agree([&] {
    for (std::uint64_t block = mine.first; block < mine.first + mine.count; ++block) {
      throw_if_stopped("hashing the data");
      const std::uint64_t first = block * block_rows;
      const Digest digest = block_digest(samples.part(first, std::min(block_rows, samples.rows - first)));
      for (std::size_t word = 0; word < words; ++word) {
        std::uint32_t bits = 0;
        std::memcpy(&bits, digest.data() + word * 4, 4);
        gathered[block * words + word] = bits;
      }
    }
  });
  world.sum(std::span(gathered));
  std::vector<Digest> digests(blocks);
  for (std::size_t i = 0; i < gathered.size(); ++i) {
    const auto bits = static_cast<std::uint32_t>(gathered[i]);
    std::memcpy(digests[i / words].data() + (i % words) * 4, &bits, 4);
  }
  return dataset_digest(samples, digests, labels);
}

}  // namespace

NodeSamples::NodeSamples(const Communicator& world, const Communicator& node, const std::filesystem::path& path,
                         std::uint64_t rows, const std::function<std::uint64_t(const DatasetInfo&)>& other_bytes) {
  world.agree([&] {
    check_memory_to_read(node, path);
    info_ = read_info(path);
    if (rows > info_.rows) {
      throw Error(Failure::usage, fmt::format("rows = {}: '{}' has only {}; give at most {}, or leave 'rows' out for "
                                              "all of them",
                                              rows, path.string(), plural(info_.rows, "row"), info_.rows));
    }
    if (rows != 0) info_.rows = rows;
    check_memory(node, path, info_, info_.rows, window_bytes(info_), other_bytes(info_));
  });

  window_ = SharedWindow::on_every_node(world, node, window_bytes(info_), fmt::format("'{}'", path.string()));
  std::byte* const window = window_.bytes().data();
  samples_ = {info_.type, window, info_.rows, info_.columns, info_.scale};
  if (info_.has_labels) samples_.labels = reinterpret_cast<const std::int32_t*>(window + labels_offset(info_));

  world.agree([&] { read_shard(path, info_, shard(info_.rows, node.rank(), node.size()), window); });
  window_.synchronise();
  std::optional<Digest> labels;
  world.agree_on_root([&] { labels = hash_labels(samples_); });
  digest_ = world.broadcast(shared_digest(world, samples_, labels));
}

}  // namespace rbmpi
