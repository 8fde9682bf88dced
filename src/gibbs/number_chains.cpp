#include "rbmpi/gibbs/number_chains.hpp"

#include <algorithm>
#include <cmath>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/gibbs/draws.hpp"

namespace rbmpi {
namespace {

/// Whether sums of rounded weights times such states are exact, as those of zeros and ones are: no state is larger.
bool exact_sums(const Couplings& couplings, const UnitEntry& unit) {
  const auto fits = [](double value) { return value == -1 || value == 0 || value == 1; };
  return couplings.exact() && !unit.values.empty() && std::ranges::all_of(unit.values, fits);
}

/// fields = states matrix, row by row in the order of the units: no row depends on those beside it.
void multiply_rows_in_order(ConstMatrixView states, ConstMatrixView matrix, MatrixView fields) {
  parallel_for(states.rows, [&](std::size_t row) {
    Real* const sums = fields.row(row);
    std::fill_n(sums, fields.columns, Real{0});
    for (std::size_t i = 0; i < states.columns; ++i) {
      const Real state = states.row(row)[i];
      if (state == 0) continue;
      const Real* const weights = matrix.row(i);
      for (std::size_t j = 0; j < fields.columns; ++j) sums[j] += state * weights[j];
    }
  });
}

void scale_rows(MatrixView fields, Real inverse_temperature) {
  if (inverse_temperature == 1) return;
  parallel_for(fields.rows, [&](std::size_t row) {
    for (std::size_t j = 0; j < fields.columns; ++j) fields.row(row)[j] *= inverse_temperature;
  });
}

}  // namespace

NumberChains::NumberChains(const Couplings& couplings, Shard mine, const ChainNumbers& numbers, Arena& memory)
    : couplings_(&couplings),
      mine_(mine),
      numbers_(numbers),
      visible_(memory.take<Real>(mine.count * couplings.visible())),
      hidden_(memory.take<Real>(mine.count * couplings.hidden())),
      visible_fields_(memory.take<Real>(mine.count * padded_columns(couplings.visible()))) {}

void NumberChains::draw_independent(const UnitRow& units, Phase phase) {
  std::ranges::fill(visible_, Real{0});
  activate_and_draw_rows(visible(), units, {numbers_.seed, numbers_.layer, 0, mine_.first}, phase);
}

void NumberChains::form_hidden_fields(const ChainModel& model) {
  if (exact_sums(*couplings_, *model.visible.unit)) {
    couplings_->up(visible(), hidden());
  } else {
    multiply_rows_in_order(visible(), couplings_->weights_up(), hidden());
  }
  scale_rows(hidden(), model.inverse_temperature);
}

MatrixView NumberChains::form_visible_fields(const ChainModel& model) {
  const MatrixView fields{visible_fields_.data(), mine_.count, padded_columns(couplings_->visible())};
  if (exact_sums(*couplings_, *model.hidden.unit)) {
    couplings_->down(hidden(), fields);
  } else {
    multiply_rows_in_order(hidden(), couplings_->weights_down(), fields);
  }
  scale_rows(fields, model.inverse_temperature);
  return fields;
}

void NumberChains::take_free(const ChainModel& model, const Real* from, Real* to) const noexcept {
  if (model.clamped.empty()) {
    std::copy_n(from, couplings_->visible(), to);
    return;
  }
  const ConstBitMatrixView clamped{model.clamped.data(), 1, couplings_->visible()};
  for (std::size_t unit = 0; unit < clamped.columns; ++unit) {
    if (!clamped.at(0, unit)) to[unit] = from[unit];
  }
}

void NumberChains::sweep(const ChainModel& model, std::uint64_t first_step, std::uint64_t sweeps) {
  for (std::uint64_t step = first_step; step < first_step + sweeps; ++step) {
    const Draws draws{numbers_.seed, numbers_.layer, step, mine_.first};
    form_hidden_fields(model);
    activate_and_draw_rows(hidden(), model.hidden, draws, numbers_.hidden);
    const MatrixView fields = form_visible_fields(model);
    activate_and_draw_rows(fields, model.visible, draws, numbers_.visible);
    parallel_for(mine_.count, [&](std::size_t i) { take_free(model, fields.row(i), visible().row(i)); });
  }
}

void NumberChains::visible_means(const ChainModel& model, MatrixView means) {
  const MatrixView fields = form_visible_fields(model);
  activate_rows(fields, model.visible, unrounded);
  parallel_for(mine_.count, [&](std::size_t i) {
    std::copy_n(visible().row(i), couplings_->visible(), means.row(i));
    take_free(model, fields.row(i), means.row(i));
  });
}

}  // namespace rbmpi
