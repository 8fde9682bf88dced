#include "rbmpi/train/row_weighting.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "train/sampled_gradient.hpp"

namespace rbmpi {
namespace {

/// Weights are rounded to multiples of a sixteenth of their mean at most.
constexpr int coarsest = 4;

/// The largest weight, of mean 1, is at most 2^bits.
int bits_of_largest(const RowWeights& weights) {
  return std::max(0, static_cast<int>(std::ceil(std::log2(weights.largest * weights.scale()))));
}

}  // namespace

RowWeighting::RowWeighting(const RowWeights& weights, const TrainingOptions& options, RbmShape shape)
    : differ(weights.differ()),
      effective_rows(weights.effective_rows()),
      rounding(state_rounding(options, shape, differ)) {
  if (!differ) return;
  if (multiplies_means(options, differ)) exact_rows = exact_products;
  scale = weights.scale();
  const int bits = bits_of_largest(weights);
  rounding.grid.exponent = std::max(0, rounding.grid.exponent - bits);
  // B V errors of at most 2^24 units are to stay below 2^63.
  const int terms = static_cast<int>(std::bit_width(options.batch_size) + std::bit_width(shape.visible));
  loss_exponent = std::clamp(39 - terms - bits, 0, 12);
}

Real RowWeighting::weight(Real of_data) const noexcept {
  const auto scaled = static_cast<Real>(static_cast<double>(of_data) * scale);
  if (!rounding.exact) return scaled;
  return std::ldexp(std::nearbyint(std::ldexp(scaled, rounding.grid.exponent)), -rounding.grid.exponent);
}

void check_row_weighting(const RowWeights& weights, const TrainingOptions& options, RbmShape shape) {
  if (!weights.differ() || options.arithmetic != Arithmetic::exact) return;
  const int room = state_rounding(options, shape, true).grid.exponent - coarsest;
  if (bits_of_largest(weights) <= room) return;
  throw Error(Failure::file,
              fmt::format("the weights of the rows are too different to be summed exactly: the largest "
                          "is {:.6g} times their mean; at most {} times would be right{}",
                          weights.largest * weights.scale(), std::int64_t{1} << std::max(0, room),
                          multiplies_means(options, true)
                              ? ", or more where v is drawn: sample-data = on and reconstruction = states"
                              : ", or more with a smaller batch-size"));
}

}  // namespace rbmpi
