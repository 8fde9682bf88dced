#include "rbmpi/gibbs/draws.hpp"

#include <algorithm>

#include "rbmpi/core/threads.hpp"

namespace rbmpi {
namespace {

/// Whether sums of rounded weights times such states are exact, as those of zeros and ones are: no state is larger.
bool adds_up_exactly(const Couplings& couplings, const UnitEntry& unit) {
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

}  // namespace

void up_from_states(const Couplings& couplings, const UnitEntry& visible, ConstMatrixView v, MatrixView fields) {
  if (adds_up_exactly(couplings, visible)) return couplings.up(v, fields);
  multiply_rows_in_order(v, couplings.weights_up(), fields);
}

void down_from_states(const Couplings& couplings, const UnitEntry& hidden, ConstMatrixView h, MatrixView fields) {
  if (adds_up_exactly(couplings, hidden)) return couplings.down(h, fields);
  multiply_rows_in_order(h, couplings.weights_down(), fields);
}

void activate_rows(MatrixView fields, const UnitRow& units, ProbabilityRounding rounding) {
  parallel_for(fields.rows, [&](std::size_t i) { units.unit->mean(units, rounding, fields.row(i)); });
}

void activate_and_draw_rows(MatrixView fields, const UnitRow& units, const Draws& draws, Phase phase) {
  // What is only compared with random numbers, never summed, is not rounded.
  parallel_for(fields.rows, [&](std::size_t i) {
    units.unit->draw(units, unrounded, draws.stream(phase, i), fields.row(i), fields.row(i));
  });
}

void draw_rows(const UnitEntry& unit, ConstMatrixView data, const Draws& draws, Phase phase, MatrixView states) {
  parallel_for(states.rows, [&](std::size_t i) {
    unit.draw_data(states.columns, draws.stream(phase, i), data.row(i), states.row(i));
  });
}

}  // namespace rbmpi
