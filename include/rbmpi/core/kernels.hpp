#pragma once

#include <cstddef>
#include <cstdint>

#include "rbmpi/core/random.hpp"
#include "rbmpi/core/real.hpp"

namespace rbmpi {

// Element-wise kernels on one row (or one flat piece) of numbers, in the SIMD instructions of the processor at hand.
// All are Local, run on the calling thread and allocate nothing. Every element goes through one sequence of IEEE
// operations without fused multiply-add, tails included: all instruction sets give the same bits (docs/numerics.md).

/// A dyadic grid: the multiples of 2^-exponent. Rounding to it goes to the nearest multiple, ties to even.
struct Grid {
  int exponent = 0;
  friend bool operator==(const Grid&, const Grid&) = default;
};

/// How probabilities are rounded before they are summed: to a grid with exponent in [0, 24], or (plain arithmetic) not.
struct ProbabilityRounding {
  bool exact = true;
  Grid grid;
};
inline constexpr ProbabilityRounding unrounded{.exact = false, .grid = {}};

/// probabilities[i] = values[i] / scale, rounded.
void scale_to_probabilities(const std::uint8_t* values, double scale, std::size_t count, ProbabilityRounding rounding,
                            Real* probabilities) noexcept;
void scale_to_probabilities(const float* values, double scale, std::size_t count, ProbabilityRounding rounding,
                            Real* probabilities) noexcept;
void scale_to_probabilities(const double* values, double scale, std::size_t count, ProbabilityRounding rounding,
                            Real* probabilities) noexcept;

/// Turns the fields of the units into their probabilities, in place: sigmoid(x + bias), rounded. The error of the
/// sigmoid is below 2e-7.
void activate(Real* fields, const Real* bias, std::size_t count, ProbabilityRounding rounding) noexcept;

/// states[i] = 1 with probability probabilities[i], else 0: a 32-bit random number below probabilities[i] * 2^32. Its
/// high byte is byte i % 16 of stream.block(i / 16); only if that does not decide, its other three are the high bytes
/// of word i % 4 of stream.refinement(i / 4). The states may take the place of the probabilities.
void sample(const Real* probabilities, std::size_t count, const RandomStream& stream, Real* states) noexcept;

/// words[i] = stream.block(words[i])[0], in place.
void first_words(const RandomStream& stream, std::uint32_t* words, std::size_t count) noexcept;

/// The sum of rint(2^12 (a[i] - b[i]))^2, for a and b in [0, 1]: squared errors in units of 2^-24, as an integer, so
/// that sums of them have no order. Rounding the difference adds 5e-9 to the mean of the squares.
[[nodiscard]] std::int64_t squared_error(const Real* a, const Real* b, std::size_t count) noexcept;

/// sums[i] += a[i] - b[i], the two added one after the other.
void add_difference(const Real* a, const Real* b, std::size_t count, Real* sums) noexcept;

/// sums[i] += values[i].
void add_values(const Real* values, std::size_t count, Real* sums) noexcept;

/// weighed[i] = weight * values[i], rounded. They may take the place of the values.
void weigh(const Real* values, Real weight, std::size_t count, ProbabilityRounding rounding, Real* weighed) noexcept;

/// One row of the weights of the centred gradient (train/centring.hpp), for visible unit i and all hidden units j:
///   gradient[j] = (data[j] * data_share - model[j] * model_share) - bias * offsets[j] - offset * biases[j]
///   column_sums[j] += offset * gradient[j]
/// Returns the sum of gradient[j] * offsets[j], as 16 sums, of j % 16 each, which are added pair by pair. `gradient`
/// takes the place of `data`.
struct CentredRow {
  Real data_share = 1;
  Real model_share = 1;
  Real offset = 0;                ///< of the visible unit
  Real bias = 0;                  ///< gradient of its bias
  const Real* offsets = nullptr;  ///< of the hidden units
  const Real* biases = nullptr;   ///< gradients of their biases
};
[[nodiscard]] Real centre_gradient(const CentredRow& row, std::size_t count, Real* data, const Real* model,
                                   Real* column_sums) noexcept;

/// What every optimizer makes of sums, before it does anything of its own:
///   gradient = clipped(sums * sample_share) - weight_cost * parameter - l1 * sign(parameter)
/// clipped: those above `clip` become `clip`, those below -clip become -clip; the sign of 0 is 0.
struct GradientTerms {
  Real sample_share = 1;  ///< 1 / number of samples: a product costs a tenth of a division
  Real weight_cost = 0;
  Real l1 = 0;
  Real clip = 0;  ///< 0: not at all
};

/// One step of gradient ascent with momentum (Polyak 1964), as in docs/design.md:
///   velocity = momentum * velocity + gradient
///   parameter = parameter + learning_rate * velocity
struct MomentumStep {
  GradientTerms gradient;
  Real learning_rate = 0;
  Real momentum = 0;
};
void momentum_update(const MomentumStep& step, const Real* sums, std::size_t count, Real* velocity,
                     Real* parameters) noexcept;

/// One step of gradient ascent with Adam (Kingma and Ba 2015, the form at the end of section 2):
///   first_moment = first_moment + first_share * (gradient - first_moment)
///   second_moment = second_moment + second_share * (gradient^2 - second_moment)
///   parameter = parameter + learning_rate * first_moment / (sqrt(second_moment) + epsilon)
struct AdamStep {
  GradientTerms gradient;
  Real learning_rate = 0;  ///< with the correction of both moments for their beginning at zero
  Real epsilon = 0;        ///< likewise
  Real first_share = 0;    ///< 1 - beta_1
  Real second_share = 0;   ///< 1 - beta_2
};
void adam_update(const AdamStep& step, const Real* sums, std::size_t count, Real* first_moment, Real* second_moment,
                 Real* parameters) noexcept;

/// One step of RMSprop (Tieleman and Hinton 2012):
///   mean_square = mean_square + square_share * (gradient^2 - mean_square)
///   parameter = parameter + learning_rate * gradient / (sqrt(mean_square) + epsilon)
struct RmspropStep {
  GradientTerms gradient;
  Real learning_rate = 0;
  Real epsilon = 0;
  Real square_share = 0;  ///< 1 - decay
};
void rmsprop_update(const RmspropStep& step, const Real* sums, std::size_t count, Real* mean_square,
                    Real* parameters) noexcept;

/// One step of plain gradient ascent, which also multiplies the gradient by that of the step before:
///   products[k]   = sum of gradient * last_gradient over group k, the values from k * group on: `group` of them or the
///                   rest
///   last_gradient = gradient
///   parameter     = parameter + learning_rate * gradient
/// The sum is formed the same way everywhere: product i of a group is added to place i % 16, in single precision, in
/// the order of i, and then place k + 8 is added to place k, then k + 4, k + 2 and k + 1.
struct CossimStep {
  GradientTerms gradient;
  Real learning_rate = 0;
};
void cossim_update(const CossimStep& step, const Real* sums, std::size_t count, std::size_t group, Real* last_gradient,
                   Real* parameters, Real* products) noexcept;

/// Whether no value is a NaN or an infinity.
[[nodiscard]] bool all_finite(const Real* values, std::size_t count) noexcept;

/// The instruction set in use, such as "AVX3_ZEN4" or "AVX2".
[[nodiscard]] const char* simd_target() noexcept;

}  // namespace rbmpi
