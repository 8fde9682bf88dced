#include "rbmpi/gibbs/draws.hpp"

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {

void activate_rows(MatrixView fields, std::span<const Real> bias, ProbabilityRounding rounding) {
  parallel_for(fields.rows, [&](std::size_t i) { activate(fields.row(i), bias.data(), bias.size(), rounding); });
}

void activate_and_draw_rows(MatrixView fields, std::span<const Real> bias, const Draws& draws, Phase phase) {
  // What is only compared with random numbers, never summed, is not rounded.
  parallel_for(fields.rows, [&](std::size_t i) {
    activate(fields.row(i), bias.data(), bias.size(), unrounded);
    sample(fields.row(i), bias.size(), draws.stream(phase, i), fields.row(i));
  });
}

void draw_rows(ConstMatrixView probabilities, const Draws& draws, Phase phase, MatrixView states) {
  parallel_for(states.rows, [&](std::size_t i) {
    sample(probabilities.row(i), states.columns, draws.stream(phase, i), states.row(i));
  });
}

}  // namespace rbmpi
