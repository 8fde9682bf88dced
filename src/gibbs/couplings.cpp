#include "rbmpi/gibbs/couplings.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/state_kernels.hpp"
#include "rbmpi/core/state_products.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {
namespace {

/// The larger of two norms, where one that is not finite is the largest of all.
Real larger(Real largest, Real norm) {
  return std::isfinite(norm) ? std::max(largest, norm) : std::numeric_limits<Real>::infinity();
}

/// product = states matrix, each row a sum in the order of the units, whatever rows are computed together: for numbers
/// that are on no grid, where multiply() (core/state_products.hpp) would not be exact.
void multiply_in_order(ConstBitMatrixView states, ColumnsView matrix, MatrixView product) noexcept {
  for (std::size_t row = 0; row < states.rows; ++row) {
    Real* const sums = product.row(row);
    std::fill_n(sums, product.columns, Real{0});
    for_each_unit_on(states, row, [&](std::size_t unit) {
      const Real* const terms = matrix.row(unit);
      for (std::size_t j = 0; j < product.columns; ++j) sums[j] += terms[j];
    });
  }
}

}  // namespace

Couplings::Memory Couplings::take(WeightRounding rounding, ConstMatrixView weights, std::size_t workers,
                                  Arena& memory) {
  Memory spans;
  if (rounding != WeightRounding::none) {
    spans.up = memory.take<Real>(weights.size());
    spans.down = memory.take<Real>(weights.columns * padded_columns(weights.rows));
    spans.column_norms = memory.take<Real>(workers * whole_lines<Real>(weights.columns));
  }
  spans.row_norms = memory.take<Real>(workers * whole_lines<Real>(1));
  return spans;
}

Couplings::Couplings(WeightRounding rounding, ConstMatrixView weights, Arena& memory)
    : rounding_(rounding),
      weights_(weights),
      workers_(static_cast<std::size_t>(threads_in_use())),
      memory_(take(rounding, weights, workers_, memory)) {
  if (!memory.counts()) round();
}

Couplings::Couplings(WeightRounding rounding, ConstMatrixView weights)
    : rounding_(rounding),
      weights_(weights),
      workers_(static_cast<std::size_t>(threads_in_use())),
      memory_(take(rounding, weights, workers_, own_)) {
  round();
}

Couplings::Couplings(WeightRounding rounding, ConstMatrixView weights, std::size_t probability_rows,
                     std::size_t workers, Workspace& memory)
    : rounding_(rounding),
      weights_(weights),
      workers_(workers),
      memory_(take(rounding, weights, workers, memory.node)) {
  if (rounding == WeightRounding::none || probability_rows == 0) return;
  real_product_.emplace(probability_rows, weights.rows, weights.columns, memory.rank);
}

void Couplings::begin(std::size_t worker) const noexcept {
  row_norm(worker) = 0;
  if (rounding_ == WeightRounding::none) return;
  const std::size_t columns = weights_.columns;
  std::ranges::fill(memory_.column_norms.subspan(worker * whole_lines<Real>(columns), columns), Real{0});
}

void Couplings::follow(Shard rows, std::size_t worker) const noexcept {
  const ConstMatrixView some{weights_.row(rows.first), rows.count, weights_.columns};
  if (rounding_ == WeightRounding::none) {
    if (!all_finite(some.values, some.size())) reject(worker);
    return;
  }
  const RoundedWeights rounded{
      .up_grid = up_grid_,
      .down_grid = down_grid_,
      .up = memory_.up.data() + rows.first * weights_.columns,
      .down = memory_.down.data() + rows.first,
      .down_stride = padded_columns(weights_.rows),
      .column_norms = memory_.column_norms.data() + worker * whole_lines<Real>(weights_.columns)};
  row_norm(worker) = larger(row_norm(worker), round_weights(some, rounded));
}

void Couplings::reject(std::size_t worker) const noexcept {
  row_norm(worker) = std::numeric_limits<Real>::infinity();
}

Real Couplings::largest_column_norm() const noexcept {
  Real largest = 0;
  constexpr std::size_t at_once = 256;
  for (std::size_t first = 0; first < weights_.columns; first += at_once) {
    const std::size_t count = std::min(at_once, weights_.columns - first);
    std::array<Real, at_once> sums{};  // of integers: exact below 2^24, in any order
    for (std::size_t worker = 0; worker < workers_; ++worker) {
      const Real* const norms = memory_.column_norms.data() + worker * whole_lines<Real>(weights_.columns) + first;
      for (std::size_t i = 0; i < count; ++i) sums[i] += norms[i];
    }
    for (std::size_t i = 0; i < count; ++i) largest = larger(largest, sums[i]);
  }
  return largest;
}

Couplings::Fit Couplings::settle() noexcept {
  exact_ = false;
  Real largest_row = 0;
  for (const Real norm : memory_.row_norms) largest_row = larger(largest_row, norm);
  if (rounding_ == WeightRounding::none) return std::isfinite(largest_row) ? Fit::good : Fit::impossible;
  const Real largest_column = largest_column_norm();
  const Real limit = std::ldexp(Real{1}, exact_bits);
  if (largest_column >= limit || largest_row >= limit) return Fit::impossible;
  Grid up = weight_grid(largest_column, weights_.rows);
  Grid down = weight_grid(largest_row, weights_.columns);
  if (rounding_ == WeightRounding::one_grid) up = down = {std::min(up.exponent, down.exponent)};
  if (up.exponent < 0 || down.exponent < 0) return Fit::impossible;
  exact_ = up == up_grid_ && down == down_grid_;
  up_grid_ = up;
  down_grid_ = down;
  return exact_ ? Fit::good : Fit::other_grid;
}

bool Couplings::round_all() {
  // The grids of the last call are nearly always right again; if not, the norms just found say which are.
  Fit fit = Fit::other_grid;
  while (fit == Fit::other_grid) {
    parallel_for(workers_, [&](std::size_t worker) {
      begin(worker);
      follow(shard(weights_.rows, static_cast<int>(worker), static_cast<int>(workers_)), worker);
    });
    fit = settle();
  }
  return fit == Fit::good;
}

void Couplings::round() {
  if (round_all() || rounding_ != WeightRounding::one_grid) return;
  parallel_for(weights_.columns, [&](std::size_t j) {
    for (std::size_t i = 0; i < weights_.rows; ++i) {
      memory_.down[j * padded_columns(weights_.rows) + i] = weights_.row(i)[j];
    }
  });
}

void Couplings::up(ConstBitMatrixView v, Shard units, MatrixView fields) const noexcept {
  const ConstMatrixView rows{weights_up().row(units.first), units.count, weights_.columns};
  const ColumnsView matrix(rows, 0, rows.columns);
  exact_ ? multiply(v, matrix, fields) : multiply_in_order(v, matrix, fields);
}

void Couplings::down(ConstBitMatrixView h, Shard units, MatrixView fields) const noexcept {
  const ColumnsView matrix(weights_down(), units.first, units.count);
  exact_ ? multiply(h, matrix, fields) : multiply_in_order(h, matrix, fields);
}

void Couplings::up(ConstMatrixView states, MatrixView fields) const {
  multiply(states, weights_up(), fields);
}

void Couplings::down(ConstMatrixView states, MatrixView fields) const {
  if (rounding_ == WeightRounding::none) {
    multiply_by_transposed(states, weights_, fields);
  } else {
    multiply(states, weights_down(), fields);
  }
}

void Couplings::up_from_probabilities(ConstMatrixView p, MatrixView fields) {
  if (rounding_ == WeightRounding::none) {
    multiply(p, weights_, fields);
  } else {
    real_product_->exact(p, weights_, up_grid_, fields);
  }
}

}  // namespace rbmpi
