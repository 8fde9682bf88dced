#include "rbmpi/core/exact_weights.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "rbmpi/core/threads.hpp"

namespace rbmpi {

Grid probability_grid(std::size_t samples) noexcept {
  const std::size_t summed = std::clamp<std::size_t>(samples, 1, largest_single_precision_batch);
  return {exact_bits - static_cast<int>(std::bit_width(summed - 1))};
}

Grid weight_grid(Real norm, std::size_t terms) noexcept {
  const double allowed = std::ldexp(1.0, exact_bits) - static_cast<double>(terms) / 2;
  int exponent = exact_bits;
  while (exponent >= 0 && std::ldexp(static_cast<double>(norm), exponent - norm_exponent) > allowed) --exponent;
  return {exponent};
}

namespace {

/// The larger of two norms, where one that is not finite is the largest of all.
Real larger(Real largest, Real norm) {
  return std::isfinite(norm) ? std::max(largest, norm) : std::numeric_limits<Real>::infinity();
}

}  // namespace

ExactWeights::ExactWeights(std::size_t rows, std::size_t columns)
    : rows_(rows),
      columns_(columns),
      up_(rows * columns),
      down_(rows * columns),
      up_grid_{exact_bits},
      down_grid_{exact_bits},
      column_norms_(static_cast<std::size_t>(threads_in_use()) * columns),
      row_norms_(static_cast<std::size_t>(threads_in_use())) {}

bool ExactWeights::assign(ConstMatrixView weights) {
  // The grids of the last call are nearly always right again; if not, the norms just found say which are.
  for (;;) {
    const Norms norms = round(weights);
    const Real limit = std::ldexp(Real{1}, exact_bits);
    if (norms.column >= limit || norms.row >= limit) return false;
    const Grid up = weight_grid(norms.column, rows_);
    const Grid down = weight_grid(norms.row, columns_);
    if (up.exponent < 0 || down.exponent < 0) return false;
    if (up == up_grid_ && down == down_grid_) return true;
    up_grid_ = up;
    down_grid_ = down;
  }
}

ExactWeights::Norms ExactWeights::round(ConstMatrixView weights) {
  const std::size_t parts = row_norms_.size();
  parallel_for(parts, [&](std::size_t part) {
    Real* const column_norms = column_norms_.data() + part * columns_;
    std::fill_n(column_norms, columns_, Real{0});
    Real largest = 0;
    for (std::size_t row = part * rows_ / parts; row < (part + 1) * rows_ / parts; ++row) {
      const std::size_t first = row * columns_;
      const Real norm = round_weights(weights.row(row), columns_, up_grid_, down_grid_, up_.data() + first,
                                      down_.data() + first, column_norms);
      largest = larger(largest, norm);
    }
    row_norms_.data()[part] = largest;
  });

  Norms norms{0, 0};
  for (std::size_t part = 0; part < parts; ++part) {
    norms.row = larger(norms.row, row_norms_.data()[part]);
  }
  for (std::size_t column = 0; column < columns_; ++column) {
    Real sum = 0;  // of integers: exact below 2^24, in any order
    for (std::size_t part = 0; part < parts; ++part) sum += column_norms_.data()[part * columns_ + column];
    norms.column = larger(norms.column, sum);
  }
  return norms;
}

}  // namespace rbmpi
