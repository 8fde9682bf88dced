#pragma once

#include <cmath>
#include <optional>

namespace rbmpi {

/// A mean over rows, and how far it may be from the mean over all rows that there could be: their standard deviation
/// (with n - 1) / sqrt(n), where n is the effective number of weighted rows, (sum w)^2 / sum w^2 (Kish 1965); a single
/// row says nothing of it.
struct RowMean {
  double mean = 0;
  std::optional<double> standard_error;
};

/// The weight of some rows, which is their number where all have weight 1, the mean of a figure over them, and the sum
/// of its squared differences from that mean: no difference of large numbers, however far from 0 the figures are
/// (Welford 1962; Chan, Golub and LeVeque 1979). Numbers that are 0 for no rows, so that ranks can bring the sums of
/// different rows together by adding zeros.
struct RowSums {
  double weight = 0;
  double mean = 0;
  double squares = 0;
  double squared_weights = 0;  ///< the sum of them

  /// A row of any weight from 0 on.
  void add(double figure, double of_row = 1) noexcept {
    add(RowSums{.weight = of_row, .mean = figure, .squares = 0, .squared_weights = of_row * of_row});
  }
  /// The result depends on the order, so rows are summed in fixed blocks, and these in their order.
  void add(const RowSums& more) noexcept {
    if (more.weight == 0) return;
    const double all = weight + more.weight;
    const double difference = more.mean - mean;
    mean += difference * (more.weight / all);
    squares += more.squares + difference * difference * (weight * more.weight / all);
    squared_weights += more.squared_weights;
    weight = all;
  }
  /// Of at least one row of a weight above 0.
  [[nodiscard]] RowMean result() const noexcept {
    const double rows = weight * weight / squared_weights;
    constexpr double one_row = 1 + 1e-9;  // whose square and sum of squares need not round alike
    if (!(rows > one_row)) return {.mean = mean, .standard_error = std::nullopt};
    return {.mean = mean, .standard_error = std::sqrt(squares / weight / (rows - 1))};
  }
};

}  // namespace rbmpi
