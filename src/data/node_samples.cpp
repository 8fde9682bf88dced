#include "rbmpi/data/node_samples.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/memory.hpp"
#include "rbmpi/data/dataset_digest.hpp"
#include "rbmpi/data/shard.hpp"

namespace rbmpi {
namespace {

/// Throws if this node cannot hold the samples and what each of its ranks needs besides.
void check_memory(const Communicator& node, const std::filesystem::path& path, const DatasetInfo& info,
                  std::uint64_t rows, std::uint64_t sample_bytes, std::uint64_t other_bytes) {
  const std::uint64_t available = available_memory();
  const auto ranks = static_cast<std::uint64_t>(node.size());
  if (sample_bytes > available || other_bytes > (available - sample_bytes) / ranks) {
    throw Error(
        Failure::other,
        fmt::format("not enough memory for '{}': {} rows x {} columns ({}) take {} on each node and the model and "
                    "buffers {} for each of its {} rank(s), but only {} are available; use fewer rows (key "
                    "'rows'), a smaller model or more memory",
                    path.string(), rows, info.columns, element_name(info.type), human_bytes(sample_bytes),
                    human_bytes(other_bytes), ranks, human_bytes(available)));
  }
  if (ranks > 1 && sample_bytes > available_shared_memory()) {
    throw Error(
        Failure::other,
        fmt::format("not enough shared memory for '{}': the samples take {} on each node, but /dev/shm has only "
                    "{} free; make it larger or use fewer rows (key 'rows')",
                    path.string(), human_bytes(sample_bytes), human_bytes(available_shared_memory())));
  }
}

/// Hash of the labels of the first `rows` rows; they are read in pieces.
std::optional<Digest> hash_labels(const DatasetReader& reader, std::uint64_t rows) {
  if (!reader.info().has_labels) return std::nullopt;
  constexpr std::uint64_t piece = 1 << 20;
  std::vector<std::int32_t> labels(std::min(rows, piece));
  Sha256 hash;
  for (std::uint64_t first = 0; first < rows; first += piece) {
    const std::uint64_t count = std::min(piece, rows - first);
    reader.read_labels(first, count, labels.data());
    hash.update(std::as_bytes(std::span(labels).first(count)));
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
  for (std::uint64_t block = mine.first; block < mine.first + mine.count; ++block) {
    const std::uint64_t first = block * block_rows;
    const Digest digest = block_digest(samples.part(first, std::min(block_rows, samples.rows - first)));
    for (std::size_t word = 0; word < words; ++word) {
      std::uint32_t bits = 0;
      std::memcpy(&bits, digest.data() + word * 4, 4);
      gathered[block * words + word] = bits;
    }
  }
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
  std::optional<DatasetReader> reader;
  world.agree([&] {
    reader.emplace(path);
    info_ = reader->info();
    if (rows > info_.rows) {
      throw Error(Failure::usage,
                  fmt::format("rows = {}: '{}' has only {} rows; give at most {}, or leave 'rows' out for "
                              "all of them",
                              rows, path.string(), info_.rows, info_.rows));
    }
    if (rows != 0) info_.rows = rows;
    check_memory(node, path, info_, info_.rows, info_.rows * info_.columns * element_size(info_.type),
                 other_bytes(info_));
  });

  window_ = SharedWindow(node, info_.rows * info_.columns * element_size(info_.type));
  samples_ = {info_.type, window_.bytes().data(), info_.rows, info_.columns, info_.scale};

  std::optional<Digest> labels;
  world.agree([&] {
    const Shard mine = shard(info_.rows, node.rank(), node.size());
    if (mine.count > 0) {
      reader->read_samples(mine.first, mine.count, window_.bytes().data() + mine.first * samples_.row_bytes());
    }
    if (world.is_root()) labels = hash_labels(*reader, info_.rows);
  });
  window_.synchronise();
  digest_ = world.broadcast(shared_digest(world, samples_, labels));
}

}  // namespace rbmpi
