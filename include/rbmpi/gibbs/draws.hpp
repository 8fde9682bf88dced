#pragma once

#include <cstdint>
#include <span>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/random.hpp"

namespace rbmpi {

/// The random numbers of rows of units in one step: those of row i are a function of (seed, layer, step, phase,
/// first + i), whoever draws them.
struct Draws {
  std::uint64_t seed = 1;
  std::uint32_t layer = 0;
  std::uint64_t step = 0;
  std::uint64_t first = 0;  ///< number of row 0: a chain, or a position in a batch

  [[nodiscard]] RandomStream stream(Phase phase, std::uint64_t row) const noexcept {
    return {seed, layer, step, phase, static_cast<std::uint32_t>(first + row)};
  }
};

// The halves of a Gibbs step for states that are numbers, as matrix products by BLAS take them (gibbs/chains.hpp has
// them for bits). All are Local, on all threads, without allocation.

/// From the fields of units to their probabilities, in place: sigmoid(fields + bias), rounded. n x (bias and more)
void activate_rows(MatrixView fields, std::span<const Real> bias, ProbabilityRounding rounding);
/// From the fields of units to their states, in place: 1 with probability sigmoid(fields + bias), else 0.
void activate_and_draw_rows(MatrixView fields, std::span<const Real> bias, const Draws& draws, Phase phase);
/// states = 1 with these probabilities, else 0; both n x units.
void draw_rows(ConstMatrixView probabilities, const Draws& draws, Phase phase, MatrixView states);

}  // namespace rbmpi
