#include "rbmpi/core/exact_weights.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "rbmpi/core/state_kernels.hpp"
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

ExactWeightsMemory::ExactWeightsMemory(std::size_t rows, std::size_t columns, std::size_t parts, Arena& memory)
    : up(memory.take<Real>(rows * columns)),
      down_transposed(memory.take<Real>(columns * padded_columns(rows))),
      column_norms(memory.take<Real>(parts * whole_lines<Real>(columns))),
      row_norms(memory.take<Real>(parts * whole_lines<Real>(1))) {}

ExactWeights::ExactWeights(std::size_t rows, std::size_t columns)
    : rows_(rows),
      columns_(columns),
      parts_(static_cast<std::size_t>(threads_in_use())),
      memory_(rows, columns, parts_, own_) {}

ExactWeights::ExactWeights(std::size_t rows, std::size_t columns, std::size_t parts, ExactWeightsMemory memory)
    : rows_(rows), columns_(columns), parts_(parts), memory_(memory) {}

void ExactWeights::begin_part(std::size_t part) const noexcept {
  std::ranges::fill(memory_.column_norms.subspan(part * whole_lines<Real>(columns_), columns_), Real{0});
  memory_.row_norms[part * whole_lines<Real>(1)] = 0;
}

void ExactWeights::round_rows(ConstMatrixView weights, std::size_t first, std::size_t count,
                              std::size_t part) noexcept {
  const RoundedWeights rounded{.up_grid = up_grid_,
                               .down_grid = down_grid_,
                               .up = memory_.up.data() + first * columns_,
                               .down = memory_.down_transposed.data() + first,
                               .down_stride = padded_columns(rows_),
                               .column_norms = memory_.column_norms.data() + part * whole_lines<Real>(columns_)};
  const Real norm = round_weights({weights.row(first), count, columns_}, rounded);
  memory_.row_norms[part * whole_lines<Real>(1)] = larger(memory_.row_norms[part * whole_lines<Real>(1)], norm);
}

void ExactWeights::reject_part(std::size_t part) const noexcept {
  memory_.row_norms[part * whole_lines<Real>(1)] = std::numeric_limits<Real>::infinity();
}

ExactWeights::Fit ExactWeights::settle() noexcept {
  Real largest_row = 0;
  for (const Real norm : memory_.row_norms) largest_row = larger(largest_row, norm);
  Real largest_column = 0;
  constexpr std::size_t at_once = 256;
  for (std::size_t first = 0; first < columns_; first += at_once) {
    const std::size_t count = std::min(at_once, columns_ - first);
    std::array<Real, at_once> sums{};  // of integers: exact below 2^24, in any order
    for (std::size_t part = 0; part < parts_; ++part) {
      const Real* const norms = memory_.column_norms.data() + part * whole_lines<Real>(columns_) + first;
      for (std::size_t i = 0; i < count; ++i) sums[i] += norms[i];
    }
    for (std::size_t i = 0; i < count; ++i) largest_column = larger(largest_column, sums[i]);
  }
  const Real limit = std::ldexp(Real{1}, exact_bits);
  if (largest_column >= limit || largest_row >= limit) return Fit::impossible;
  const Grid up = weight_grid(largest_column, rows_);
  const Grid down = weight_grid(largest_row, columns_);
  if (up.exponent < 0 || down.exponent < 0) return Fit::impossible;
  if (up == up_grid_ && down == down_grid_) return Fit::good;
  up_grid_ = up;
  down_grid_ = down;
  return Fit::other_grid;
}

bool ExactWeights::assign(ConstMatrixView weights) {
  // The grids of the last call are nearly always right again; if not, the norms just found say which are.
  Fit fit = Fit::other_grid;
  while (fit == Fit::other_grid) {
    parallel_for(parts_, [&](std::size_t part) {
      begin_part(part);
      const std::size_t first = part * rows_ / parts_;
      round_rows(weights, first, (part + 1) * rows_ / parts_ - first, part);
    });
    fit = settle();
  }
  return fit == Fit::good;
}

}  // namespace rbmpi
