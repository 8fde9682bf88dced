#pragma once

#include <cmath>
#include <optional>

namespace rbmpi {

/// A mean over rows, and how far it may be from the mean over all rows that there could be: their standard deviation
/// (with n - 1) / sqrt(n); a single row says nothing of it.
struct RowMean {
  double mean = 0;
  std::optional<double> standard_error;
};

/// The number of some rows, the mean of a figure over them, and the sum of its squared differences from that mean: no
/// difference of large numbers, however far from 0 the figures are (Welford 1962; Chan, Golub and LeVeque 1979). Three
/// numbers that are 0 for no rows, so that ranks can bring the sums of different rows together by adding zeros.
struct RowSums {
  double rows = 0;
  double mean = 0;
  double squares = 0;

  void add(double figure) noexcept { add(RowSums{.rows = 1, .mean = figure, .squares = 0}); }
  /// The result depends on the order, so rows are summed in fixed blocks, and these in their order.
  void add(const RowSums& more) noexcept {
    if (more.rows == 0) return;
    const double all = rows + more.rows;
    const double difference = more.mean - mean;
    mean += difference * (more.rows / all);
    squares += more.squares + difference * difference * (rows * more.rows / all);
    rows = all;
  }
  /// Of at least one row.
  [[nodiscard]] RowMean result() const noexcept {
    if (rows < 2) return {.mean = mean, .standard_error = std::nullopt};
    return {.mean = mean, .standard_error = std::sqrt(squares / (rows - 1) / rows)};
  }
};

}  // namespace rbmpi
