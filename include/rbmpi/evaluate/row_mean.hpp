#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace rbmpi {

/// A mean over rows, and how far it may be from the mean over all rows that there could be: their standard deviation
/// (with n - 1) / sqrt(n); 0 for a single row.
struct RowMean {
  double mean = 0;
  double standard_error = 0;
};

/// The sum of a figure over some rows, and that of its squares.
struct RowSums {
  double sum = 0;
  double squares = 0;

  void add(double figure) noexcept {
    sum += figure;
    squares += figure * figure;
  }
  void add(const RowSums& more) noexcept {
    sum += more.sum;
    squares += more.squares;
  }
  /// Of so many rows, at least one.
  [[nodiscard]] RowMean over(std::uint64_t rows) const noexcept {
    const auto n = static_cast<double>(rows);
    const double mean = sum / n;
    if (rows == 1) return {.mean = mean, .standard_error = 0};
    return {.mean = mean, .standard_error = std::sqrt(std::max(0.0, squares / n - mean * mean) / (n - 1))};
  }
};

}  // namespace rbmpi
