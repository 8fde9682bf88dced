#include "rbmpi/data/sequence_weights.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/parallel/shared_window.hpp"

namespace rbmpi {
namespace {

constexpr const char* comparing = "comparing sequences";

void check_sequences(const SequenceSource& sequences) {
  constexpr std::uint64_t most = std::uint64_t{1} << 31U;
  if (sequences.rows >= 1 && sequences.rows <= most && sequences.columns >= 1 && sequences.columns <= most) return;
  throw Error(Failure::usage, fmt::format("{} sequences of {} sites cannot be compared: from 1 to {} of either can",
                                          sequences.rows, sequences.columns, most));
}

/// How many tiles the root reads at a time.
std::uint64_t tiles_of_a_block(const SequenceSource& sequences) {
  constexpr std::uint64_t block_bytes = std::uint64_t{16} << 20U;
  return std::max<std::uint64_t>(1, block_bytes / (tile_sequences * sequences.columns));
}

void check_memory(const SequenceSource& sequences, std::uint64_t tile_bytes, const Communicator& node) {
  const std::uint64_t block_rows = std::min(sequences.rows, tiles_of_a_block(sequences) * tile_sequences);
  const std::uint64_t count_bytes = sequences.rows * sizeof(std::int64_t) + block_rows * sequences.columns;
  const std::uint64_t needed = tile_bytes + count_bytes * static_cast<std::uint64_t>(node.size());
  const std::uint64_t available = available_memory();
  if (needed <= available) return;
  throw Error(Failure::other,
              fmt::format("not enough memory to compare {} sequences of {} sites: a copy of them takes {} on each node "
                          "and their counts {} on each of its {} rank(s), but only {} are available; use fewer ranks "
                          "on a node, or fewer sequences",
                          sequences.rows, sequences.columns, human_bytes(tile_bytes), human_bytes(count_bytes),
                          node.size(), human_bytes(available)));
}

std::uint64_t tiles_for(const SequenceSource& sequences) {
  return (sequences.rows + tile_sequences - 1) / tile_sequences;
}

std::uint64_t bytes_of_tiles(const SequenceSource& sequences) {
  return tiles_for(sequences) * tile_sequences * sequences.columns;
}

/// Sequences in tiles, and which tiles are compared with which, each two of them once: in a circle, each with itself
/// and with those of the half circle behind it. So all tiles have equal parts of the work.
class SequenceTiles {
 public:
  /// In memory of bytes_of_tiles(), which must live on, as must the sequences.
  SequenceTiles(const SequenceSource& sequences, std::span<std::byte> memory)
      : sequences_(sequences),
        letters_(reinterpret_cast<std::uint8_t*>(memory.data())),
        tiles_(tiles_for(sequences)),
        parts_of_tile_(tiles_ / 2 / partners_at_once + 1) {}

  /// Collective over `world`. The root reads block by block, and each rank makes its share of the tiles of its node.
  void make(const Communicator& world, const Communicator& node) const {
    const std::uint64_t at_once = tiles_of_a_block(sequences_);
    std::vector<std::uint8_t> block;
    for (std::uint64_t begin = 0; begin < tiles_; begin += at_once) {
      const std::uint64_t first = begin * tile_sequences;
      const std::uint64_t rows = std::min(at_once * tile_sequences, sequences_.rows - first);
      world.agree([&] { block.resize(rows * sequences_.columns); });
      world.agree_on_root([&] {
        throw_if_stopped(comparing);
        sequences_.read(first, rows, block.data());
      });
      world.broadcast(std::as_writable_bytes(std::span(block)));
      const Shard mine = shard(std::min(at_once, tiles_ - begin), node.rank(), node.size());
      parallel_for(mine.count, [&](std::size_t i) {
        const std::uint64_t tile = begin + mine.first + i;
        const std::uint8_t* const letters_of_it = block.data() + (mine.first + i) * tile_sequences * sequences_.columns;
        make_tile({letters_of_it, rows_of(tile), sequences_.columns}, letters(tile));
      });
    }
  }

  /// The parts that the comparisons are cut into, each some of those of a tile.
  [[nodiscard]] std::uint64_t parts() const { return tiles_ * parts_of_tile_; }
  /// How many parts a thread compares in about half a second.
  [[nodiscard]] std::uint64_t parts_of_a_round() const {
    constexpr std::uint64_t letters_of_a_round = std::uint64_t{1} << 36U;
    constexpr std::uint64_t pairs_of_a_part = partners_at_once * tile_sequences * tile_sequences;
    return std::max<std::uint64_t>(1, letters_of_a_round / (pairs_of_a_part * sequences_.columns));
  }
  /// Adds the neighbours that a part finds to those of each sequence. Several threads may do so. Stops after a signal.
  void count(std::uint64_t part, std::uint64_t least_equal, std::span<std::int64_t> neighbours) const {
    const std::uint64_t tile = part % tiles_;  // neighbouring parts, which are counted together, are of different tiles
    const std::uint64_t first = part / tiles_ * partners_at_once;
    const std::uint64_t end = std::min(first + partners_at_once, partners(tile));
    Counts of_tile{};
    for (std::uint64_t k = first; k < end && !stop_requested(); ++k) {
      const std::uint64_t other = (tile + k) % tiles_;
      Counts of_other{};
      compare(tile, other, least_equal, of_tile, of_other);
      if (other != tile) add(other, of_other, neighbours);  // a tile meets itself in both directions at once
    }
    add(tile, of_tile, neighbours);
  }

 private:
  using Counts = std::array<std::int64_t, tile_sequences>;
  static constexpr std::uint64_t partners_at_once = 16;

  [[nodiscard]] std::uint64_t tile_bytes() const { return tile_sequences * sequences_.columns; }
  [[nodiscard]] std::uint8_t* letters(std::uint64_t tile) const { return letters_ + tile * tile_bytes(); }
  [[nodiscard]] std::size_t rows_of(std::uint64_t tile) const {
    return std::min<std::uint64_t>(tile_sequences, sequences_.rows - tile * tile_sequences);
  }
  /// With how many tiles a tile is compared. Of two that are opposite each other only the first has the other one.
  [[nodiscard]] std::uint64_t partners(std::uint64_t tile) const {
    return (tiles_ + 1) / 2 + (tiles_ % 2 == 0 && tile < tiles_ / 2 ? 1 : 0);
  }

  void compare(std::uint64_t tile, std::uint64_t other, std::uint64_t least_equal, Counts& of_tile,
               Counts& of_other) const {
    std::array<std::uint64_t, tile_sequences> found{};
    find_neighbours(letters(tile), letters(other), sequences_.columns, least_equal, found.data());
    const std::uint64_t places = ~std::uint64_t{0} >> (tile_sequences - rows_of(other));
    for (std::size_t i = 0; i < rows_of(tile); ++i) {
      std::uint64_t bits = found[i] & places;
      of_tile[i] += std::popcount(bits);
      for (; bits != 0; bits &= bits - 1) ++of_other[static_cast<std::size_t>(std::countr_zero(bits))];
    }
  }

  static void add(std::uint64_t tile, const Counts& counts, std::span<std::int64_t> neighbours) {
    for (std::size_t i = 0; i < tile_sequences; ++i) {
      if (counts[i] == 0) continue;
      std::atomic_ref(neighbours[tile * tile_sequences + i]).fetch_add(counts[i], std::memory_order_relaxed);
    }
  }

  const SequenceSource& sequences_;
  std::uint8_t* letters_;
  std::uint64_t tiles_;
  std::uint64_t parts_of_tile_;
};

/// Of the parts from `begin` to `end` those of this rank, on all its threads: whichever is free takes the next.
void count_parts(const SequenceTiles& tiles, std::uint64_t begin, std::uint64_t end, std::uint64_t least_equal,
                 std::span<std::int64_t> neighbours, const Communicator& world, const ProgressReport& progress) {
  const auto ranks = static_cast<std::uint64_t>(world.size());
  const auto rank = static_cast<std::uint64_t>(world.rank());
  std::atomic<std::uint64_t> next{0};
  parallel_for(static_cast<std::size_t>(threads_in_use()), [&](std::size_t thread) {
    while (!stop_requested()) {
      const std::uint64_t part = begin + rank + ranks * next.fetch_add(1, std::memory_order_relaxed);
      if (part >= end) break;
      if (thread == 0) {  // the main thread
        now_doing(comparing);
        if (progress) progress(static_cast<double>(part) / static_cast<double>(tiles.parts()));
      }
      tiles.count(part, least_equal, neighbours);
    }
  });
  throw_if_stopped(comparing);
}

/// Collective. In rounds, so that a rank that is to stop need not wait for what the others have to do.
void count_neighbours(const SequenceTiles& tiles, std::uint64_t least_equal, std::span<std::int64_t> neighbours,
                      const Communicator& world, const ProgressReport& progress) {
  const std::uint64_t at_once = tiles.parts_of_a_round() * static_cast<std::uint64_t>(world.size());
  for (std::uint64_t begin = 0; begin < tiles.parts(); begin += at_once) {
    const std::uint64_t end = std::min(tiles.parts(), begin + at_once);
    world.agree([&] { count_parts(tiles, begin, end, least_equal, neighbours, world, progress); });
  }
  if (progress) progress(1);
  world.sum(neighbours);
}

}  // namespace

std::uint64_t least_equal_sites(NeighbourRule rule, std::uint64_t sites) {
  if (!(rule.identity >= 0 && rule.identity <= 1)) {
    throw Error(Failure::usage, fmt::format("neighbours cannot have an identity of {}: it is equal sites / sites, from "
                                            "0 to 1",
                                            rule.identity));
  }
  if (rule.above && rule.identity == 1) {
    throw Error(Failure::usage,
                "neighbours cannot have an identity above 1: below 1 would be right, or at least 1 instead of above");
  }
  if (sites == 0) throw Error(Failure::usage, "sequences without sites have no neighbours");
  const auto suffices = [&](std::uint64_t count) {
    const double identity = static_cast<double>(count) / static_cast<double>(sites);
    return rule.above ? identity > rule.identity : identity >= rule.identity;
  };
  // Not too many, since one site less has a share that is too small by far more than a rounding.
  auto equal = static_cast<std::uint64_t>(rule.identity * static_cast<double>(sites));
  while (!suffices(equal)) ++equal;
  return equal;
}

std::vector<float> SequenceWeights::weights() const {
  std::vector<float> weights(neighbours.size());
  std::ranges::transform(neighbours, weights.begin(),
                         [](std::int64_t count) { return static_cast<float>(1.0 / static_cast<double>(count)); });
  return weights;
}

double SequenceWeights::effective_sequences() const {
  double sum = 0;
  for (const std::int64_t count : neighbours) sum += 1.0 / static_cast<double>(count);
  return sum;
}

SequenceWeights weigh_sequences(const SequenceSource& sequences, NeighbourRule rule, const Communicator& world,
                                const Communicator& node, const ProgressReport& progress) {
  SequenceWeights result;
  std::uint64_t least_equal = 0;
  world.agree([&] {
    check_sequences(sequences);
    least_equal = least_equal_sites(rule, sequences.columns);
    check_memory(sequences, bytes_of_tiles(sequences), node);
    result.neighbours.resize(sequences.rows);
  });
  const SharedWindow window =
      SharedWindow::on_every_node(world, node, bytes_of_tiles(sequences), "a copy of the sequences");
  const SequenceTiles tiles(sequences, window.bytes());
  tiles.make(world, node);
  window.synchronise();
  count_neighbours(tiles, least_equal, result.neighbours, world, progress);
  return result;
}

}  // namespace rbmpi
