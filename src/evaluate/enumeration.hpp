#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "rbmpi/core/arena.hpp"

namespace rbmpi {

// The states of the smaller side are counted through as binary numbers. Those that share their high bits are a block of
// 2^low states. For the first of a block, whose low bits are off, the fields x_i of the other side are computed afresh.
// The product of 1 + exp(x_i) needs no exponential for the others, because a unit j that goes on multiplies exp(x_i) by
// exp(W_ji), a constant. To stay far from the ends of the range, a unit with x_i > 0 at the beginning of the block
// gives its part as
//   log(1 + exp(x_i)) = x_i + log(1 + exp(-x_i)),
// where x_i is linear in the low bits, and exp(-x_i) is multiplied by exp(-W_ji).

/// The bits of a state that a register each holds: 8 products grow side by side.
inline constexpr std::size_t register_bits = 3;
inline constexpr std::size_t side_by_side = std::size_t{1} << register_bits;
/// The most low bits of a block.
inline constexpr std::size_t most_low_bits = 10;
/// Units of the other side that are taken through a block at a time: what is kept of them stays in a near cache.
inline constexpr std::size_t units_at_once = 512;
/// The largest sum of |W_ji| over the low bits j that a block may have, so that products are seldom near an overflow.
inline constexpr double largest_low_range = 80;
/// exp(-700) is nothing beside 1, and still a normal number.
inline constexpr double least_exponent = -700;
/// A multiple of the lanes of all vectors.
inline constexpr std::size_t most_lanes = 8;

/// What is enumerated: `bits` units with states, and `units` others that are summed out.
struct Enumeration {
  /// Of so many units with states, of which at most `low_bits` are counted through in a block, and so many others.
  Enumeration(std::size_t states, std::size_t low_bits, std::size_t others, Arena& memory)
      : added(register_bits - std::min(low_bits, register_bits)),
        bits(states + added),
        low(low_bits + added),
        units((others + most_lanes - 1) / most_lanes * most_lanes),
        bit_bias(memory.take<double>(bits)),
        bias(memory.take<double>(units)),
        weights(memory.take<double>(bits * units)),
        raising(memory.take<double>(low * units)),
        lowering(memory.take<double>(low * units)) {}

  std::size_t added;           // units without weights, each of which doubles the sum, so that a block has enough bits
  std::size_t bits;            // units with states, of which the first are those that were added
  std::size_t low;             // bits of a block
  std::size_t units;           // a multiple of most_lanes
  std::size_t group = 0;       // factors that may be multiplied before the exponent is taken off
  std::span<double> bit_bias;  // [bits]
  std::span<double> bias;      // [units]; behind the last one of the model, far below 0, as if it were not there
  std::span<double> weights;   // bits x units
  std::span<double> raising;   // low x units: exp(W)
  std::span<double> lowering;  // low x units: exp(-W)

  [[nodiscard]] std::uint64_t blocks() const { return std::uint64_t{1} << (bits - low); }
};

/// What a thread works with.
struct BlockScratch {
  BlockScratch(std::size_t low, Arena& memory)
      : start(memory.take<double>(units_at_once)),
        factors(memory.take<double>(low * units_at_once)),
        levels(memory.take<double>(low * units_at_once)),
        values(memory.take<double>(std::size_t{1} << low)),
        linear(memory.take<double>(std::size_t{1} << low)),
        slopes(memory.take<double>(low)) {}

  std::span<double> start;    // exp(-|x|) of the first state
  std::span<double> factors;  // by which a low bit multiplies it
  std::span<double> levels;   // the same as `start` for states whose lowest bit is bit `register_bits` + level
  std::span<double> values;   // log of the sum of each state
  std::span<double> linear;   // the part of it that is linear in the bits
  std::span<double> slopes;   // by which a low bit raises what is linear
};

/// Sets scratch.values to the logarithms of the sums of the 2^low states of a block.
void sum_block(const Enumeration& all, std::uint64_t block, BlockScratch& scratch);

}  // namespace rbmpi
