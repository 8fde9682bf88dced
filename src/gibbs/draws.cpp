#include "rbmpi/gibbs/draws.hpp"

#include "rbmpi/core/threads.hpp"

namespace rbmpi {

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
