#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// When a run is to end.
struct RunGoal {
  std::size_t layers = 1;                 ///< of a stack; 1 of a net, whose layers are trained together
  std::uint64_t epochs = 0;               ///< of the layer in work
  std::optional<std::uint64_t> patience;  ///< of early stopping, which is for the highest layer; nothing without it
};

enum class RunEnd { not_yet, epochs_done, stopped_early };

/// Local. Whether a run with this progress, between two steps, has come to its end, and what ended it: early stopping
/// if both did.
[[nodiscard]] RunEnd end_of_run(const RunGoal& goal, const TrainingProgress& progress) noexcept;

}  // namespace rbmpi
