#include "rbmpi/evaluate/exact_partition.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "evaluate/enumeration.hpp"
#include "evaluate/log_sum.hpp"
#include "evaluate/unit_enumeration.hpp"
#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/shard.hpp"

namespace rbmpi {
namespace {

constexpr const char* enumerating = "enumerating the states of the model";

bool few_states(std::size_t side, const UnitEntry& kind) noexcept {
  if (kind.values.empty()) return false;
  std::uint64_t states = 1;
  for (std::size_t unit = 0; unit < side && states <= std::uint64_t{1} << largest_enumeration; ++unit) {
    states *= kind.values.size();
  }
  return states <= std::uint64_t{1} << largest_enumeration;
}

Enumeration prepare(RbmView<const Real> rbm, Arena& memory) {
  const EnumeratedSides sides(rbm);
  const std::size_t states = sides.counted.count;
  const std::size_t others = sides.others.count;

  // As many low bits as the weights allow.
  std::vector<double> ranges(others);
  std::size_t low = 0;
  for (; low < std::min(states, most_low_bits); ++low) {
    double largest = 0;
    for (std::size_t i = 0; i < others; ++i) largest = std::max(largest, ranges[i] + std::abs(sides.weight(low, i)));
    if (largest > largest_low_range) break;
    for (std::size_t i = 0; i < others; ++i) ranges[i] += std::abs(sides.weight(low, i));
  }
  const double range = others == 0 ? 0 : *std::ranges::max_element(ranges);

  Enumeration all(states, low, others, memory);
  all.group = static_cast<std::size_t>(1000 * std::numbers::ln2 / std::log1p(std::exp(range)));
  std::copy_n(sides.counted.parameters, states, all.bit_bias.data() + all.added);
  std::copy_n(sides.others.parameters, others, all.bias.data());
  std::fill(all.bias.data() + others, all.bias.data() + all.units, -1e300);
  parallel_for(all.bits, [&](std::size_t bit) {
    const std::size_t row = bit * all.units;
    if (bit >= all.added) {
      for (std::size_t i = 0; i < others; ++i) all.weights.data()[row + i] = sides.weight(bit - all.added, i);
    }
    if (bit >= all.low) return;
    for (std::size_t i = 0; i < all.units; ++i) {
      all.raising.data()[row + i] = std::exp(all.weights.data()[row + i]);
      all.lowering.data()[row + i] = std::exp(-all.weights.data()[row + i]);
    }
  });
  return all;
}

/// The sum over some consecutive blocks.
double sum_blocks(const Enumeration& all, std::uint64_t first, std::uint64_t count, BlockScratch& scratch) {
  LogSum sum;
  for (std::uint64_t block = first; block < first + count && !stop_requested(); ++block) {
    sum_block(all, block, scratch);
    for (const double value : scratch.values) sum.add(value);
    still_at_work();
  }
  return sum.value();
}

/// Sets this rank's share of the logarithms of sums to sum(part, scratch), on all threads.
template <typename Scratch, typename Sum>
void sum_parts(std::span<double> parts, std::vector<Scratch>& scratch, Shard mine, const ProgressReport& progress,
               const Sum& sum) {
  const std::uint64_t threads = scratch.size();
  for (std::uint64_t done = 0; done < mine.count; done += threads) {
    throw_if_stopped(enumerating);
    parallel_for(std::min(threads, mine.count - done), [&](std::size_t thread) {
      const std::uint64_t part = mine.first + done + thread;
      parts[part] = sum(part, scratch[thread]);
    });
    if (progress) progress(static_cast<double>(std::min(done + threads, mine.count)) / static_cast<double>(mine.count));
  }
  throw_if_stopped(enumerating);
}

/// For each thread of those that have a part of `mine`.
template <typename Scratch, typename From>
std::vector<Scratch> take_scratch(const From& from, Shard mine, Arena& memory) {
  std::vector<Scratch> scratch;
  const auto threads = static_cast<std::uint64_t>(threads_in_use());
  for (std::uint64_t thread = 0; thread < std::min(threads, mine.count); ++thread) scratch.emplace_back(from, memory);
  return scratch;
}

/// How long `sum` takes: it is tried up to three times, as long as these are short.
template <typename Sum>
double seconds_of(const Sum& sum) {
  constexpr double long_enough = 0.1;
  double fastest = std::numeric_limits<double>::infinity();
  double spent = 0;
  for (int repetition = 0; repetition < 3 && spent < long_enough; ++repetition) {
    const auto begin = std::chrono::steady_clock::now();
    (void)sum();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    fastest = std::min(fastest, seconds);
    spent += seconds;
  }
  return fastest;
}

}  // namespace

bool can_enumerate(RbmShape shape) noexcept {
  return few_states(shape.visible, *shape.visible_unit) || few_states(shape.hidden, *shape.hidden_unit);
}

bool enumerates_hidden(RbmShape shape) noexcept {
  return few_states(shape.hidden, *shape.hidden_unit) &&
         (shape.hidden <= shape.visible || !few_states(shape.visible, *shape.visible_unit));
}

double exact_log_partition(RbmView<const Real> rbm, const Communicator& world, const ProgressReport& progress) {
  const RbmShape shape = rbm.shape();
  constexpr std::uint64_t most_parts = 1024;
  std::vector<double> parts;
  std::size_t added = 0;
  world.agree([&] {
    if (!can_enumerate(shape)) {
      throw Error(
          Failure::usage,
          fmt::format("exact log Z of {} visible and {} hidden units: enumeration takes at most 2^{} states on one "
                      "of the sides, those of {} units of two states; annealed importance sampling estimates log Z of "
                      "larger models of zeros and ones",
                      shape.visible, shape.hidden, largest_enumeration, largest_enumeration));
    }
    if (!all_finite(rbm.parameters().data(), rbm.parameters().size())) {
      throw Error(Failure::diverged, "the model has parameters that are not finite, so it has no log Z");
    }
    Arena memory;
    if (!is_logistic(shape)) {
      const UnitEnumeration all(rbm, memory);
      parts.resize(std::min(most_parts, all.states()));
      const Shard mine = shard(parts.size(), world.rank(), world.size());
      auto scratch = take_scratch<UnitEnumeration::Scratch>(all, mine, memory);
      sum_parts(parts, scratch, mine, progress, [&](std::uint64_t part, UnitEnumeration::Scratch& of_thread) {
        const Shard states = shard(all.states(), static_cast<int>(part), static_cast<int>(parts.size()));
        return all.sum(states.first, states.count, of_thread);
      });
      return;
    }
    const Enumeration all = prepare(rbm, memory);
    added = all.added;
    parts.resize(std::min(most_parts, all.blocks()));
    const std::uint64_t blocks = all.blocks() / parts.size();
    const Shard mine = shard(parts.size(), world.rank(), world.size());
    auto scratch = take_scratch<BlockScratch>(all.low, mine, memory);
    sum_parts(parts, scratch, mine, progress, [&](std::uint64_t part, BlockScratch& of_thread) {
      return sum_blocks(all, part * blocks, blocks, of_thread);
    });
  });
  world.sum(std::span(parts));  // each of them is 0 on all ranks but one
  LogSum sum;
  for (const double part : parts) sum.add(part);
  return sum.value() - static_cast<double>(added) * std::numbers::ln2;
}

std::uint64_t enumeration_memory(RbmShape shape) {
  const std::size_t states = std::min(shape.visible, shape.hidden);
  Arena counted(ArenaUse::count);
  if (!is_logistic(shape)) {
    const UnitEnumeration all({shape, {}}, counted);
    for (int thread = 0; thread < threads_in_use(); ++thread) const UnitEnumeration::Scratch scratch(all, counted);
    return counted.taken();
  }
  const Enumeration all(states, std::min(states, most_low_bits), std::max(shape.visible, shape.hidden), counted);
  for (int thread = 0; thread < threads_in_use(); ++thread) const BlockScratch scratch(all.low, counted);
  return counted.taken();
}

double enumeration_seconds(RbmView<const Real> rbm, int workers) {
  Arena memory;
  if (!is_logistic(rbm.shape())) {
    const UnitEnumeration all(rbm, memory);
    UnitEnumeration::Scratch scratch(all, memory);
    const std::uint64_t some = std::min<std::uint64_t>(all.states(), 4096);
    const double seconds = seconds_of([&] { return all.sum(0, some, scratch); });
    return seconds * static_cast<double>(all.states()) / static_cast<double>(some) / workers;
  }
  const Enumeration all = prepare(rbm, memory);
  BlockScratch scratch(all.low, memory);
  // One with half of its high bits on, as they are on average.
  const std::uint64_t block = (all.blocks() - 1) & 0x5555'5555'5555'5555U;
  return seconds_of([&] { return sum_blocks(all, block, 1, scratch); }) * static_cast<double>(all.blocks()) / workers;
}

}  // namespace rbmpi
