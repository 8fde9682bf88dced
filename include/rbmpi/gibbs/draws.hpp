#pragma once

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/gibbs/couplings.hpp"
#include "rbmpi/model/unit.hpp"

namespace rbmpi {

// The halves of a Gibbs step for states that are numbers, as matrix products by BLAS take them (gibbs/chains.hpp has
// them for bits). All are Local, on all threads, without allocation.

/// fields = v W for rounded weights and states v of units of this kind: n x V -> n x H. Whatever rows are beside it, a
/// row has the same bits: sums are exact, or else row by row in the order of the units.
void up_from_states(const Couplings& couplings, const UnitEntry& visible, ConstMatrixView v, MatrixView fields);
/// The same. fields = h W^T: n x H -> n x padded_columns(V).
void down_from_states(const Couplings& couplings, const UnitEntry& hidden, ConstMatrixView h, MatrixView fields);

/// From the fields of units to their means, in place, rounded. n x (units and more)
void activate_rows(MatrixView fields, const UnitRow& units, ProbabilityRounding rounding);
/// From the fields of units to their states, in place, drawn given the fields.
void activate_and_draw_rows(MatrixView fields, const UnitRow& units, const Draws& draws, Phase phase);
/// States of units of this kind in data, which are their means or the states themselves; both n x units.
void draw_rows(const UnitEntry& unit, ConstMatrixView data, const Draws& draws, Phase phase, MatrixView states);

}  // namespace rbmpi
