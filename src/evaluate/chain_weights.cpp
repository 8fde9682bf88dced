#include "rbmpi/evaluate/chain_weights.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "evaluate/ordered_product.hpp"
#include "rbmpi/core/exact_weights.hpp"
#include "rbmpi/core/state_kernels.hpp"
#include "rbmpi/core/state_products.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {
namespace {

/// The finest grid on which all sums of some weights of a row, and of a column, are exact: the bound of
/// docs/numerics.md in both directions.
std::optional<Grid> common_grid(ConstMatrixView weights) {
  double largest_row = 0;
  std::vector<double> columns(weights.columns);
  for (std::size_t i = 0; i < weights.rows; ++i) {
    double row = 0;
    for (std::size_t j = 0; j < weights.columns; ++j) {
      const double norm = std::ceil(std::ldexp(std::abs(double{weights.row(i)[j]}), norm_exponent));
      row += norm;
      columns[j] += norm;
    }
    largest_row = std::max(largest_row, row);
  }
  const double largest_column = columns.empty() ? 0 : *std::ranges::max_element(columns);
  // Below it, single precision holds the norms.
  if (std::max(largest_row, largest_column) >= std::ldexp(1.0, exact_bits)) return std::nullopt;
  const Grid up = weight_grid(static_cast<Real>(largest_column), weights.rows);
  const Grid down = weight_grid(static_cast<Real>(largest_row), weights.columns);
  const Grid grid{std::min(up.exponent, down.exponent)};
  if (grid.exponent < 0) return std::nullopt;
  return grid;
}

}  // namespace

ChainWeights::ChainWeights(ConstMatrixView weights, Arena& memory)
    : rows_(weights.rows),
      columns_(weights.columns),
      up_(memory.take<Real>(weights.size())),
      down_(memory.take<Real>(weights.size())) {
  if (memory.counts()) return;
  const std::optional<Grid> grid = common_grid(weights);
  exact_ = grid.has_value();
  parallel_for(rows_, [&](std::size_t i) {
    for (std::size_t j = 0; j < columns_; ++j) {
      const Real weight = weights.row(i)[j];
      const Real rounded =
          exact_ ? std::ldexp(std::nearbyint(std::ldexp(weight, grid->exponent)), -grid->exponent) : weight;
      up_.data()[i * columns_ + j] = rounded;
      down_.data()[j * rows_ + i] = rounded;
    }
  });
}

void ChainWeights::up(ConstBitMatrixView v, MatrixView fields) const noexcept {
  const ConstMatrixView matrix{up_.data(), rows_, columns_};
  exact_ ? multiply(v, matrix, fields) : multiply_in_order(v, matrix, fields);
}

void ChainWeights::down(ConstBitMatrixView h, MatrixView fields) const noexcept {
  const ConstMatrixView matrix{down_.data(), columns_, rows_};
  exact_ ? multiply(h, matrix, fields) : multiply_in_order(h, matrix, fields);
}

}  // namespace rbmpi
