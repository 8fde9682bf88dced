#pragma once

#include <cstdint>
#include <limits>

#include "rbmpi/data/row_source.hpp"

namespace rbmpi {

/// What the weights of rows are. A mean over rows is the sum of weight times figure over the sum of the weights.
struct RowWeights {
  double rows = 0.0;
  double sum = 0.0;
  double squares = 0.0;  ///< sum of them
  double smallest = std::numeric_limits<double>::infinity();
  double largest = 0.0;

  void add(double weight) noexcept;
  /// Whether rows count differently.
  [[nodiscard]] bool differ() const noexcept { return smallest < largest; }
  /// The factor that makes their mean 1.
  [[nodiscard]] double scale() const noexcept { return rows / sum; }
  /// (sum w)^2 / sum w^2: equally weighted rows of which a mean would be as uncertain (Kish 1965); 0 if all weights are
  /// 0.
  [[nodiscard]] double effective_rows() const noexcept { return squares > 0 ? sum * sum / squares : 0; }
};

/// Local. That of a row of some data.
[[nodiscard]] inline double row_weight(const Rows& rows, std::uint64_t row) noexcept {
  return rows.weights == nullptr ? 1.0 : double{rows.weights[row]};
}

/// Local. Those of some data; where they have none each row has weight 1. Throws Error(Failure::file) if there are
/// rows, and all have weight 0.
[[nodiscard]] RowWeights row_weights(const Rows& rows);

}  // namespace rbmpi
