#pragma once

#include <algorithm>

#include "rbmpi/train/training_state.hpp"

namespace rbmpi::test {

/// A copy of a state, as a checkpoint would keep it.
inline SavedState saved(const TrainingState& state) {
  SavedState copy{.parameters = AlignedBuffer<Real>(state.parameters.size()),
                  .optimizer = {},
                  .progress = state.progress,
                  .blocks = state.blocks};
  std::ranges::copy(state.parameters, copy.parameters.data());
  for (const OptimizerMemory& memory : state.optimizer) {
    copy.optimizer.push_back({memory.name, AlignedBuffer<Real>(memory.values.size())});
    std::ranges::copy(memory.values, copy.optimizer.back().values.data());
  }
  return copy;
}

}  // namespace rbmpi::test
