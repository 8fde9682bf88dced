#pragma once

#include <cstdint>
#include <limits>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/data/row_weights.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// How the weights of the rows of a training enter its sums: scaled to mean 1 over all of them, and rounded to a grid
/// that leaves room for the largest (docs/numerics.md).
struct RowWeighting {
  RowWeighting() = default;
  RowWeighting(const RowWeights& weights, const TrainingOptions& options, RbmShape shape);

  /// The weight of a row as the data have it, scaled and rounded.
  [[nodiscard]] Real weight(Real of_data) const noexcept;

  bool differ = false;  ///< whether rows count differently; if not, all have weight 1
  double scale = 1;
  double effective_rows = 0;
  /// Of what is summed: weight times state.
  ProbabilityRounding rounding;
  /// Of so many rows at most are weighted sums exact in single precision.
  std::uint64_t exact_rows = std::numeric_limits<std::uint64_t>::max();
  /// The squared errors of rows that count differently are summed as multiples of loss_unit times 2^-loss_exponent.
  int loss_exponent = 0;
};

/// Local. Throws Error(Failure::file) if the largest weight is too large beside the others for exact sums of any use.
void check_row_weighting(const RowWeights& weights, const TrainingOptions& options, RbmShape shape);

}  // namespace rbmpi
