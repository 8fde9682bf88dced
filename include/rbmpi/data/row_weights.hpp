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

/// Local. Whether the weight of some row is above 0.
[[nodiscard]] bool some_row_counts(const Rows& rows) noexcept;

/// Rows that stand for data whose rows count differently: as many as there are places, spread evenly over the total
/// weight. Place i of n has the row at the share (i + 1/2) / n of it, so rows of weight 0 stand for nothing.
class WeightedRows {
 public:
  /// The data must live on.
  WeightedRows(const Rows& data, std::uint64_t places);

  /// Local. Takes the time of a pass over the weights for all places together, which are asked for in rising order.
  [[nodiscard]] std::uint64_t row_at(std::uint64_t place) noexcept;

 private:
  const Rows& data_;
  double weight_of_place_;
  std::uint64_t row_ = 0;
  double before_ = 0;  // weight of the rows before it
};

/// Local. The rows [first, first + count), at most, from the first one on whose weight is above 0: they say something.
[[nodiscard]] Rows first_rows_that_count(const Rows& rows, std::uint64_t count);

/// Local. Those of some data; where they have none each row has weight 1. Throws Error(Failure::file) if there are
/// rows, and all have weight 0.
[[nodiscard]] RowWeights row_weights(const Rows& rows);

}  // namespace rbmpi
