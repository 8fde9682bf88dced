#include "rbmpi/core/real_product.hpp"

#include <algorithm>
#include <cmath>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {

namespace {
constexpr std::size_t panel_columns = 128;
constexpr int finer_bits = 5;  // 24 bits of p and 24 + 5 of the weights: 53
}  // namespace

RealProduct::RealProduct(std::size_t rows, std::size_t visible, std::size_t hidden)
    : panel_(std::min(hidden, panel_columns)), p_(rows * visible), weights_(visible * panel_), fields_(rows * panel_) {}

std::uint64_t RealProduct::memory(std::size_t rows, std::size_t visible, std::size_t hidden) {
  const std::size_t panel = std::min(hidden, panel_columns);
  return (rows * visible + visible * panel + rows * panel) * sizeof(double);
}

void RealProduct::exact(ConstMatrixView p, ConstMatrixView weights, Grid up_grid, MatrixView fields) {
  const std::size_t visible = weights.rows;
  std::copy_n(p.values, p.size(), p_.data());
  const double up = std::ldexp(1.0, up_grid.exponent + finer_bits);
  const double down = 1.0 / up;
  for (std::size_t first = 0; first < weights.columns; first += panel_) {
    const std::size_t columns = std::min(panel_, weights.columns - first);
    parallel_for(visible, [&](std::size_t row) {
      const Real* const from = weights.row(row) + first;
      double* const to = weights_.data() + row * columns;
      for (std::size_t j = 0; j < columns; ++j) to[j] = std::nearbyint(from[j] * up) * down;
    });
    multiply(BasicMatrixView<const double>{p_.data(), p.rows, visible},
             BasicMatrixView<const double>{weights_.data(), visible, columns},
             BasicMatrixView<double>{fields_.data(), p.rows, columns});
    parallel_for(p.rows, [&](std::size_t row) {
      const double* const from = fields_.data() + row * columns;
      Real* const to = fields.row(row) + first;
      for (std::size_t j = 0; j < columns; ++j) to[j] = static_cast<Real>(from[j]);
    });
  }
}

}  // namespace rbmpi
