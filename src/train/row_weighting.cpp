#include "rbmpi/train/row_weighting.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/exact_sums.hpp"
#include "train/sampled_gradient.hpp"

namespace rbmpi {
namespace {

/// Of their mean, weights are multiples of 2^-10 at least; where v is multiplied by them, of 2^-8 (state_rounding).
constexpr int coarsest = 10;

/// Sums of fewer rows than 2^3 at a time are no use.
constexpr int fewest_rows_bits = 3;

/// The largest weight, of mean 1, is below 2^bits.
int bits_of_largest(const RowWeights& weights) {
  int bits = 0;
  (void)std::frexp(weights.largest * weights.scale(), &bits);
  return std::max(0, bits);
}

/// How sums of weighted states are kept exact: 2^rows_bits terms of a weight below 2^weight_bits, with v a state, or a
/// number on the grid of its own.
struct WeightedSums {
  WeightedSums(const RowWeights& weights, const TrainingOptions& options, RbmShape shape)
      : multiplies(multiplies_means(options, true)), weight_bits(bits_of_largest(weights)) {
    const int of_states = state_rounding(options, shape, true).grid.exponent;
    exponent = multiplies ? of_states : std::max(of_states - weight_bits, std::min(of_states, coarsest));
    rows_bits = exact_bits - exponent - weight_bits - (multiplies ? of_states : 0);
  }

  bool multiplies;
  int weight_bits;
  int exponent = 0;  ///< of the grid of weight times state
  int rows_bits = 0;
};

}  // namespace

RowWeighting::RowWeighting(const RowWeights& weights, const TrainingOptions& options, RbmShape shape)
    : differ(weights.differ()),
      effective_rows(weights.effective_rows()),
      rounding(state_rounding(options, shape, differ)) {
  if (!differ) return;
  scale = weights.scale();
  const WeightedSums sums(weights, options, shape);
  rounding.grid.exponent = sums.exponent;
  exact_rows = std::uint64_t{1} << std::max(0, sums.rows_bits);
  // B V errors of at most 2^24 units are to stay below 2^63.
  const int terms = static_cast<int>(std::bit_width(options.batch_size) + std::bit_width(shape.visible));
  loss_exponent = std::clamp(39 - terms - sums.weight_bits, 0, 12);
}

Real RowWeighting::weight(Real of_data) const noexcept {
  const auto scaled = static_cast<Real>(static_cast<double>(of_data) * scale);
  if (!rounding.exact) return scaled;
  return std::ldexp(std::nearbyint(std::ldexp(scaled, rounding.grid.exponent)), -rounding.grid.exponent);
}

void check_row_weighting(const RowWeights& weights, const TrainingOptions& options, RbmShape shape) {
  if (!weights.differ() || options.arithmetic != Arithmetic::exact) return;
  const WeightedSums sums(weights, options, shape);
  const int lacking = fewest_rows_bits - sums.rows_bits;
  if (lacking <= 0) return;
  throw Error(Failure::file,
              fmt::format("the weights of the rows are too different to be summed exactly: the largest is {:.6g} times "
                          "their mean; less than {} times would be right, or more with {}arithmetic = plain",
                          weights.largest * weights.scale(), std::int64_t{1} << (sums.weight_bits - lacking),
                          sums.multiplies ? "sample-data = on and reconstruction = states, or with " : ""));
}

}  // namespace rbmpi
