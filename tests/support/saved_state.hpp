#pragma once

#include <algorithm>

#include "rbmpi/train/training_state.hpp"

namespace rbmpi::test {

/// A copy of a state, as a checkpoint would keep it.
inline SavedState saved(const TrainingState& state) {
  SavedState copy{.parameters = AlignedBuffer<Real>(state.parameters.size()),
                  .optimizer = {},
                  .progress = state.progress,
                  .layout = state.layout};
  std::ranges::copy(state.parameters, copy.parameters.data());
  for (const OptimizerMemory& memory : state.optimizer) {
    copy.optimizer.push_back({memory.name, AlignedBuffer<Real>(memory.values.size()), memory.rows, memory.columns});
    std::ranges::copy(memory.values, copy.optimizer.back().values.data());
  }
  for (const StateArray& array : state.arrays) {
    copy.arrays.push_back(
        {array.name, array.type, array.rows, array.columns, AlignedBuffer<std::byte>(array.values.size())});
    std::ranges::copy(array.values, copy.arrays.back().values.data());
  }
  return copy;
}

}  // namespace rbmpi::test
