#include "rbmpi/gibbs/number_chains.hpp"

#include <algorithm>
#include <cmath>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/gibbs/draws.hpp"

namespace rbmpi {
namespace {

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
  up_from_states(*couplings_, *model.visible.unit, visible(), hidden());
  scale_rows(hidden(), model.inverse_temperature);
}

MatrixView NumberChains::form_visible_fields(const ChainModel& model) {
  const MatrixView fields{visible_fields_.data(), mine_.count, padded_columns(couplings_->visible())};
  down_from_states(*couplings_, *model.hidden.unit, hidden(), fields);
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
