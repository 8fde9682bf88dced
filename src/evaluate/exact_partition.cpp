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
#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/shard.hpp"

namespace rbmpi {
namespace {

/// log of a sum whose terms come as logarithms, one after the other.
class LogSum {
 public:
  void add(double term) {
    if (term > largest_) {
      sum_ = sum_ * std::exp(largest_ - term) + 1;
      largest_ = term;
    } else {
      sum_ += std::exp(term - largest_);
    }
  }
  [[nodiscard]] double value() const { return largest_ + std::log(sum_); }

 private:
  double largest_ = -std::numeric_limits<double>::infinity();
  double sum_ = 0;
};

Enumeration prepare(RbmView<const Real> rbm, Arena& memory) {
  const RbmShape shape = rbm.shape();
  const bool over_hidden = shape.hidden <= shape.visible;
  const std::size_t states = over_hidden ? shape.hidden : shape.visible;
  const std::size_t others = over_hidden ? shape.visible : shape.hidden;
  const std::span<const Real> state_bias = over_hidden ? rbm.hidden_bias : rbm.visible_bias;
  const std::span<const Real> other_bias = over_hidden ? rbm.visible_bias : rbm.hidden_bias;
  const auto weight = [&](std::size_t state, std::size_t other) {
    return double{over_hidden ? rbm.weights.row(other)[state] : rbm.weights.row(state)[other]};
  };

  // As many low bits as the weights allow.
  std::vector<double> ranges(others);
  std::size_t low = 0;
  for (; low < std::min(states, most_low_bits); ++low) {
    double largest = 0;
    for (std::size_t i = 0; i < others; ++i) largest = std::max(largest, ranges[i] + std::abs(weight(low, i)));
    if (largest > largest_low_range) break;
    for (std::size_t i = 0; i < others; ++i) ranges[i] += std::abs(weight(low, i));
  }
  const double range = others == 0 ? 0 : *std::ranges::max_element(ranges);

  Enumeration all(states, low, others, memory);
  all.group = static_cast<std::size_t>(1000 * std::numbers::ln2 / std::log1p(std::exp(range)));
  std::copy(state_bias.begin(), state_bias.end(), all.bit_bias.begin() + static_cast<std::ptrdiff_t>(all.added));
  std::copy(other_bias.begin(), other_bias.end(), all.bias.data());
  std::fill(all.bias.data() + others, all.bias.data() + all.units, -1e300);
  parallel_for(all.bits, [&](std::size_t bit) {
    const std::size_t row = bit * all.units;
    if (bit >= all.added) {
      for (std::size_t i = 0; i < others; ++i) all.weights.data()[row + i] = weight(bit - all.added, i);
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

}  // namespace

double exact_log_partition(RbmView<const Real> rbm, const Communicator& world, const ProgressReport& progress) {
  const RbmShape shape = rbm.shape();
  constexpr std::uint64_t most_parts = 1024;
  std::vector<double> parts;
  std::size_t added = 0;
  world.agree([&] {
    if (!can_enumerate(shape)) {
      throw Error(
          Failure::usage,
          fmt::format("exact log Z of {} visible and {} hidden units: enumeration takes at most {} units on one "
                      "of the sides; annealed importance sampling estimates log Z of larger models",
                      shape.visible, shape.hidden, largest_enumeration));
    }
    if (!all_finite(rbm.parameters().data(), rbm.parameters().size())) {
      throw Error(Failure::diverged, "the model has parameters that are not finite, so it has no log Z");
    }
    Arena memory;
    const Enumeration all = prepare(rbm, memory);
    added = all.added;
    parts.resize(std::min(most_parts, all.blocks()));
    const std::uint64_t blocks = all.blocks() / parts.size();
    const Shard mine = shard(parts.size(), world.rank(), world.size());
    const auto threads = static_cast<std::uint64_t>(threads_in_use());
    std::vector<BlockScratch> scratch;
    for (std::uint64_t thread = 0; thread < std::min(threads, mine.count); ++thread)
      scratch.emplace_back(all.low, memory);
    for (std::uint64_t done = 0; done < mine.count; done += threads) {
      throw_if_stopped("enumerating the states of the model");
      parallel_for(std::min(threads, mine.count - done), [&](std::size_t thread) {
        const std::uint64_t part = mine.first + done + thread;
        parts[part] = sum_blocks(all, part * blocks, blocks, scratch[thread]);
      });
      if (progress)
        progress(static_cast<double>(std::min(done + threads, mine.count)) / static_cast<double>(mine.count));
    }
    throw_if_stopped("enumerating the states of the model");
  });
  world.sum(std::span(parts));  // each of them is 0 on all ranks but one
  LogSum sum;
  for (const double part : parts) sum.add(part);
  return sum.value() - static_cast<double>(added) * std::numbers::ln2;
}

std::uint64_t enumeration_memory(RbmShape shape) {
  const std::size_t states = std::min(shape.visible, shape.hidden);
  Arena counted(ArenaUse::count);
  const Enumeration all(states, std::min(states, most_low_bits), std::max(shape.visible, shape.hidden), counted);
  for (int thread = 0; thread < threads_in_use(); ++thread) const BlockScratch scratch(all.low, counted);
  return counted.taken();
}

double enumeration_seconds(RbmView<const Real> rbm, int workers) {
  Arena memory;
  const Enumeration all = prepare(rbm, memory);
  BlockScratch scratch(all.low, memory);
  // One with half of its high bits on, as they are on average.
  const std::uint64_t block = (all.blocks() - 1) & 0x5555'5555'5555'5555U;
  constexpr double long_enough = 0.1;
  double fastest = std::numeric_limits<double>::infinity();
  double spent = 0;
  for (int repetition = 0; repetition < 3 && spent < long_enough; ++repetition) {
    const auto begin = std::chrono::steady_clock::now();
    (void)sum_blocks(all, block, 1, scratch);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    fastest = std::min(fastest, seconds);
    spent += seconds;
  }
  return fastest * static_cast<double>(all.blocks()) / workers;
}

}  // namespace rbmpi
