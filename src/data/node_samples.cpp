#include "rbmpi/data/node_samples.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

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
  ElementType type = ElementType::other;
  bool has_labels = false;
  bool has_picture = false;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::uint64_t height = 0;
  std::uint64_t width = 0;
  RowChunks sample_chunks;
  RowChunks label_chunks;
  double scale = 0;
  bool scale_said = false;
  bool imported = false;
};

/// How many texts there are, and of each its length and its bytes.
void append_texts(std::string& bytes, std::span<const std::string> texts) {
  const auto append_number = [&](std::uint64_t number) {
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
  };
  append_number(texts.size());
  for (const std::string& text : texts) {
    append_number(text.size());
    bytes += text;
  }
}

/// The same back, off the front of `bytes`.
std::vector<std::string> take_texts(std::string_view& bytes) {
  const auto take_number = [&] {
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data(), sizeof number);
    bytes.remove_prefix(sizeof number);
    return number;
  };
  std::vector<std::string> texts(take_number());
  for (std::string& text : texts) {
    text = bytes.substr(0, take_number());
    bytes.remove_prefix(text.size());
  }
  return texts;
}

std::string pack(const DatasetInfo& info) {
  const bool has_picture = !info.picture.empty();
  const PackedInfo packed{.type = info.type,
                          .has_labels = info.has_labels,
                          .has_picture = has_picture,
                          .rows = info.rows,
                          .columns = info.columns,
                          .height = has_picture ? info.picture[0] : 0,
                          .width = has_picture ? info.picture[1] : 0,
                          .sample_chunks = info.sample_chunks,
                          .label_chunks = info.label_chunks,
                          .scale = info.scale,
                          .scale_said = info.scale_said,
                          .imported = info.imported};
  std::string bytes(sizeof packed, '\0');
  std::memcpy(bytes.data(), &packed, sizeof packed);
  append_texts(bytes, {&info.source, 1});
  append_texts(bytes, info.class_names);
  append_texts(bytes, info.column_names);
  return bytes;
}

DatasetInfo unpack(const std::string& bytes) {
  PackedInfo packed{};
  std::memcpy(&packed, bytes.data(), sizeof packed);
  DatasetInfo info;
  info.type = packed.type;
  info.rows = packed.rows;
  info.columns = packed.columns;
  info.scale = packed.scale;
  info.scale_said = packed.scale_said;
  info.imported = packed.imported;
  if (packed.has_picture) info.picture = {packed.height, packed.width};
  info.has_labels = packed.has_labels;
  std::string_view texts = std::string_view(bytes).substr(sizeof packed);
  info.source = take_texts(texts).front();
  info.class_names = take_texts(texts);
  info.column_names = take_texts(texts);
  info.sample_chunks = packed.sample_chunks;
  info.label_chunks = packed.label_chunks;
  return info;
}

DatasetInfo read_info(const std::filesystem::path& path, std::optional<double> scale) {
  return unpack(read_in_child(path, [&] { return pack(DatasetReader(path, Values::in_scale, scale).info()); }));
}

/// Opens a dataset again. One that was replaced meanwhile might not fit the memory that is there for it.
DatasetReader open_again(const std::filesystem::path& path, const DatasetInfo& info) {
  DatasetReader reader(path, Values::in_scale, info.scale_said ? std::optional(info.scale) : std::nullopt);
  const DatasetInfo& now = reader.info();
  if (now.type != info.type || now.rows < info.rows || now.columns != info.columns || now.scale != info.scale ||
      now.has_labels != info.has_labels) {
    throw Error(Failure::file, fmt::format("'{}' changed while it was read", path.string()));
  }
  return reader;
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
  constexpr std::uint64_t work_of_a_child = std::uint64_t{1} << 30U;
  const std::uint64_t row_bytes = info.columns * element_size(info.type);
  auto* const labels = reinterpret_cast<std::int32_t*>(window + labels_offset(info));
  in_whole_chunks(info.sample_chunks, rows, work_of_a_child, [&](Shard of_child) {
    throw_if_stopped("reading the data");
    static_cast<void>(read_in_child(path, [&] {
      const DatasetReader reader = open_again(path, info);
      in_whole_chunks(info.sample_chunks, of_child, work_of_a_call, [&](Shard piece) {
        throw_if_stopped("reading the data");
        reader.read_samples(piece.first, piece.count, window + piece.first * row_bytes);
      });
      if (!info.has_labels) return std::string();
      in_whole_chunks(info.label_chunks, of_child, work_of_a_call, [&](Shard piece) {
        throw_if_stopped("reading the labels");
        reader.read_labels(piece.first, piece.count, labels + piece.first);
      });
      return std::string();
    }));
  });
}

/// Collective. The look at samples that every node holds: its ranks share the rows.
DataLook look_at(const Communicator& world, const Communicator& node, const Samples& samples) {
  std::optional<DataLook> look;
  world.agree([&] {
    constexpr std::uint64_t piece = std::uint64_t{1} << 26U;  // bytes between two looks at the clock
    const std::uint64_t rows_at_once = std::max<std::uint64_t>(1, piece / samples.row_bytes());
    const Shard mine = shard(samples.rows, node.rank(), node.size());
    look.emplace(samples.columns);
    for (std::uint64_t done = 0; done < mine.count; done += rows_at_once) {
      throw_if_stopped("looking at the data");
      Samples rows = samples.part(mine.first + done, std::min(rows_at_once, mine.count - done));
      rows.labels = nullptr;
      look->add(rows);
    }
  });
  look->combine(node);
  return std::move(*look);
}

/// Hash of the labels, if there are any.
std::optional<Digest> hash_labels(const Samples& samples) {
  if (samples.labels == nullptr) return std::nullopt;
  constexpr std::uint64_t piece = std::uint64_t{1} << 24U;
  Sha256 hash;
  for (std::uint64_t first = 0; first < samples.rows; first += piece) {
    throw_if_stopped("reading the labels");
    hash.update(std::as_bytes(std::span(samples.labels + first, std::min(piece, samples.rows - first))));
  }
  return hash.finish();
}

/// Calls `work(block, its rows)` for the blocks of the digest that fall to this one of the ranks that share the work.
template <typename Work>
void for_my_blocks(const Communicator& ranks, const Samples& samples, const char* doing, const Work& work) {
  const std::uint64_t block_rows = digest_block_rows(samples.columns, samples.type);
  const Shard mine = shard(digest_blocks(samples.rows, samples.columns, samples.type), ranks.rank(), ranks.size());
  for (std::uint64_t block = mine.first; block < mine.first + mine.count; ++block) {
    throw_if_stopped(doing);
    const std::uint64_t first = block * block_rows;
    work(block, samples.part(first, std::min(block_rows, samples.rows - first)));
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
                    const Samples& samples, const std::string& root_host) {
  if (node.size() == world.size()) return;
  const auto number = [](const auto* values, std::size_t count) {
    return static_cast<std::int64_t>(checksum(std::as_bytes(std::span(values, count))).front());
  };
  // Of each block that of its rows and that of their labels. Each rank leaves zeros where others have numbers.
  std::vector<std::int64_t> checksums(2 * digest_blocks(samples.rows, samples.columns, samples.type));
  world.agree([&] {
    for_my_blocks(node, samples, "comparing the data of the nodes", [&](std::uint64_t block, const Samples& rows) {
      checksums[2 * block] = number(rows.values, rows.rows * rows.row_bytes());
      if (rows.labels != nullptr) checksums[2 * block + 1] = number(rows.labels, rows.rows);
    });
  });
  node.sum(std::span(checksums));
  std::vector<std::int64_t> of_root = checksums;
  world.broadcast(std::as_writable_bytes(std::span(of_root)));
  world.agree([&] {
    const auto place = std::ranges::mismatch(checksums, of_root).in1 - checksums.begin();
    if (place == std::ssize(checksums)) return;
    const std::uint64_t block_rows = digest_block_rows(samples.columns, samples.type);
    const std::uint64_t first = static_cast<std::uint64_t>(place) / 2 * block_rows;
    throw Error(Failure::file,
                fmt::format("{} {} to {} of '{}' (counted from 0) are others on host {} than on host {}: every node "
                            "must read the same file",
                            place % 2 == 0 ? "rows" : "the labels of rows", first,
                            std::min(first + block_rows, samples.rows) - 1, path.string(), host_name(), root_host));
  });
}

/// Collective. The digest of samples that every node holds: the blocks are shared out over all ranks.
std::string shared_digest(const Communicator& world, const Samples& samples, const std::optional<Digest>& labels) {
  const std::uint64_t blocks = digest_blocks(samples.rows, samples.columns, samples.type);
  // Each rank fills in its own hashes, four bytes to a number, and leaves zeros elsewhere: the sum is all of them.
  constexpr std::size_t words = sizeof(Digest) / 4;
  std::vector<std::int64_t> gathered(blocks * words);
  world.agree([&] {
    for_my_blocks(world, samples, "hashing the data", [&](std::uint64_t block, const Samples& rows) {
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
  return dataset_digest(samples, digests, labels);
}

}  // namespace

NodeSamples::NodeSamples(const Communicator& world, const Communicator& node, const std::filesystem::path& path,
                         std::uint64_t rows, const std::function<std::uint64_t(const DatasetInfo&)>& other_bytes,
                         std::optional<double> scale) {
  std::optional<FileVersion> version;
  world.agree([&] {
    check_memory_to_read(node, path);
    version.emplace(path);
    info_ = read_info(path, scale);
  });
  const std::string root_host = world.broadcast(host_name());
  compare_shapes(world, path, info_, root_host);
  world.agree([&] {
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

  world.agree(
      [&] { version->guard([&] { read_shard(path, info_, shard(info_.rows, node.rank(), node.size()), window); }); });
  window_.synchronise();
  compare_copies(world, node, path, samples_, root_host);
  findings_ = rbmpi::findings(look_at(world, node, samples_), info_, path);
  std::optional<Digest> labels;
  world.agree_on_root([&] { labels = hash_labels(samples_); });
  digest_ = world.broadcast(shared_digest(world, samples_, labels));
}

}  // namespace rbmpi
