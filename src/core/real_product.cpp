#include "rbmpi/core/real_product.hpp"

#include <algorithm>
#include <cmath>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {

namespace {
constexpr std::size_t panel_columns = 128;
constexpr int finer_bits = 5;  // 24 bits of p and 24 + 5 of the weights: 53

std::size_t columns_of_panel(std::size_t first, std::size_t hidden) {
  return std::min(panel_columns, hidden - first);
}

/// panel = some columns of the weights, rounded: V x columns.
void round_panel(ConstMatrixView weights, Grid up_grid, std::size_t first, double* panel) {
  const std::size_t columns = columns_of_panel(first, weights.columns);
  const double up = std::ldexp(1.0, up_grid.exponent + finer_bits);
  const double down = 1.0 / up;
  parallel_for(weights.rows, [&](std::size_t row) {
    const Real* const from = weights.row(row) + first;
    double* const to = panel + row * columns;
    for (std::size_t j = 0; j < columns; ++j) to[j] = std::nearbyint(from[j] * up) * down;
  });
}

}  // namespace

RealProduct::RealProduct(std::size_t rows, std::size_t visible, std::size_t hidden, Arena& memory, RealWeights weights)
    : visible_(visible),
      panel_(std::min(hidden, panel_columns)),
      p_(memory.take<double>(rows * visible)),
      weights_(memory.take<double>(weights == RealWeights::changing ? visible * panel_ : 0)),
      fields_(memory.take<double>(rows * panel_)) {}

void RealProduct::exact(ConstMatrixView p, ConstMatrixView weights, Grid up_grid, MatrixView fields) {
  std::copy_n(p.values, p.size(), p_.data());
  for (std::size_t first = 0; first < fields.columns; first += panel_) {
    round_panel(weights, up_grid, first, weights_.data());
    multiply_panel(p.rows, weights_.data(), first, fields);
  }
}

void RealProduct::exact(ConstMatrixView p, std::span<const double> rounded, MatrixView fields) {
  std::copy_n(p.values, p.size(), p_.data());
  for (std::size_t first = 0; first < fields.columns; first += panel_) {
    multiply_panel(p.rows, rounded.data() + visible_ * first, first, fields);
  }
}

void RealProduct::round(ConstMatrixView weights, Grid up_grid, std::span<double> rounded) {
  for (std::size_t first = 0; first < weights.columns; first += panel_columns) {
    round_panel(weights, up_grid, first, rounded.data() + weights.rows * first);
  }
}

void RealProduct::multiply_panel(std::size_t rows, const double* panel, std::size_t first, MatrixView fields) {
  const std::size_t columns = columns_of_panel(first, fields.columns);
  multiply(BasicMatrixView<const double>{p_.data(), rows, visible_},
           BasicMatrixView<const double>{panel, visible_, columns},
           BasicMatrixView<double>{fields_.data(), rows, columns});
  parallel_for(rows, [&](std::size_t row) {
    const double* const from = fields_.data() + row * columns;
    Real* const to = fields.row(row) + first;
    for (std::size_t j = 0; j < columns; ++j) to[j] = static_cast<Real>(from[j]);
  });
}

}  // namespace rbmpi
