#pragma once

#include <cstdint>
#include <span>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/random.hpp"

namespace rbmpi {

// The halves of a Gibbs step for states that are numbers, as matrix products by BLAS take them (gibbs/chains.hpp has
// them for bits). All are Local, on all threads, without allocation.

/// From the fields of units to their probabilities, in place: sigmoid(fields + bias), rounded. n x (bias and more)
void activate_rows(MatrixView fields, std::span<const Real> bias, ProbabilityRounding rounding);
/// From the fields of units to their states, in place: 1 with probability sigmoid(fields + bias), else 0.
void activate_and_draw_rows(MatrixView fields, std::span<const Real> bias, const Draws& draws, Phase phase);
/// states = 1 with these probabilities, else 0; both n x units.
void draw_rows(ConstMatrixView probabilities, const Draws& draws, Phase phase, MatrixView states);

}  // namespace rbmpi
