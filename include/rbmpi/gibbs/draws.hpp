#pragma once

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/model/unit.hpp"

namespace rbmpi {

// The halves of a Gibbs step for states that are numbers, as matrix products by BLAS take them (gibbs/chains.hpp has
// them for bits). All are Local, on all threads, without allocation.

/// From the fields of units to their means, in place, rounded. n x (units and more)
void activate_rows(MatrixView fields, const UnitRow& units, ProbabilityRounding rounding);
/// From the fields of units to their states, in place, drawn given the fields.
void activate_and_draw_rows(MatrixView fields, const UnitRow& units, const Draws& draws, Phase phase);
/// States of units of this kind in data, which are their means or the states themselves; both n x units.
void draw_rows(const UnitEntry& unit, ConstMatrixView data, const Draws& draws, Phase phase, MatrixView states);

}  // namespace rbmpi
