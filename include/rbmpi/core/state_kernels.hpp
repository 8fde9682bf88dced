#pragma once

#include <cstddef>
#include <cstdint>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/core/real.hpp"

namespace rbmpi {

// Kernels of training steps and of chains whose states are bits: unit j of a row is bit j % 64 of its word j / 64, and
// the bits behind the last unit are 0 (BitMatrixView). Where kernels of rbmpi/core/kernels.hpp are named, one pass does
// what they do one after the other, with the same results bit for bit. All are Local, run on the calling thread and
// allocate nothing. All instruction sets give the same bits, but for the sign of a weight that rounds to zero, which no
// sum can tell.

/// probabilities[i] = values[i] / scale, rounded; state i = 1 with probability probabilities[i].
/// As scale_to_probabilities() and sample().
void scale_and_sample(const std::uint8_t* values, double scale, std::size_t count, ProbabilityRounding rounding,
                      const RandomStream& stream, Real* probabilities, std::uint64_t* states) noexcept;
void scale_and_sample(const float* values, double scale, std::size_t count, ProbabilityRounding rounding,
                      const RandomStream& stream, Real* probabilities, std::uint64_t* states) noexcept;
void scale_and_sample(const double* values, double scale, std::size_t count, ProbabilityRounding rounding,
                      const RandomStream& stream, Real* probabilities, std::uint64_t* states) noexcept;

/// numbers[i] = state i.
void states_to_numbers(const std::uint64_t* states, std::size_t count, Real* numbers) noexcept;

/// State i = 1 with probability sigmoid(fields[i] + bias[i]), which is not stored. As activate(), unrounded, and
/// sample().
void activate_and_sample(const Real* fields, const Real* bias, std::size_t count, const RandomStream& stream,
                         std::uint64_t* states) noexcept;
/// The same, and probabilities[i] = sigmoid(fields[i] + bias[i]), rounded, which may take the place of the fields:
/// states and what is summed of their means. As activate_and_sample() and activate().
void activate_and_sample(const Real* fields, const Real* bias, std::size_t count, ProbabilityRounding rounding,
                         const RandomStream& stream, Real* probabilities, std::uint64_t* states) noexcept;

/// With p[i] = sigmoid(fields[i] + bias[i]), rounded, which is not stored: state i = 1 with probability p[i], and
/// differences[i] += data[i] - p[i]. Returns squared_error(data, p). As activate(), sample(), add_difference() and
/// squared_error(); data in [0, 1].
[[nodiscard]] std::int64_t reconstruct(const Real* fields, const Real* bias, const Real* data, std::size_t count,
                                       ProbabilityRounding rounding, const RandomStream& stream, std::uint64_t* states,
                                       Real* differences) noexcept;

/// probabilities[i] = sigmoid(fields[i] + bias[i]), rounded; differences[i] += state i - probabilities[i]. The
/// probabilities may take the place of the fields. As activate() and add_difference().
void activate_and_subtract(const Real* fields, const Real* bias, const std::uint64_t* states, std::size_t count,
                           ProbabilityRounding rounding, Real* probabilities, Real* differences) noexcept;

/// Transposes some of the columns of `from` [n x V], those of its words [first_word, first_word + words), to the rows
/// [64 first_word, 64 (first_word + words)) of `to` [V x n], as far as there are any; other rows stay as they are.
void transpose(ConstBitMatrixView from, std::size_t first_word, std::size_t words, BitMatrixView to) noexcept;

/// Where round_weights() puts what it makes of rows of weights W [n x H], and the grids that it rounds to.
struct RoundedWeights {
  Grid up_grid;
  Grid down_grid;
  Real* up = nullptr;            ///< [n x H], row-major: W on the grid `up_grid`
  Real* down = nullptr;          ///< W on the grid `down_grid`, transposed: element (i, j) is down[j * down_stride + i]
  std::size_t down_stride = 0;   ///< at least n; a multiple of 1024 makes the columns share cache lines: slow
  Real* column_norms = nullptr;  ///< [H]: ceil(2^8 |W|) is added to it
};

/// The norms count multiples of 2^-8.
inline constexpr int norm_exponent = 8;

/// Rounds the rows of `weights` to two grids, and returns the largest of their norms: the sum over a row of
/// ceil(2^8 |weight|), infinity where that is no finite number. The norms are integers, so their sums are exact, in any
/// order, up to 2^24; a sum beyond is no smaller than 2^24, and one that met a NaN or infinity is no finite number.
/// Fastest where n is a multiple of 16 and `down` begins on a cache line.
[[nodiscard]] Real round_weights(ConstMatrixView weights, const RoundedWeights& rounded) noexcept;

}  // namespace rbmpi
