#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// When a run is to end.
struct RunGoal {
  std::size_t layers = 1;                 ///< of a stack; 1 of a net, whose layers are trained together
  std::uint64_t epochs = 0;               ///< of the layer in work
  std::uint64_t last_step = 0;            ///< of that layer, in their place; 0: epochs
  std::optional<std::uint64_t> patience;  ///< of early stopping, which is for the highest layer; nothing without it
};

/// `all_done`: the epochs or updates that were asked for.
enum class RunEnd { not_yet, all_done, stopped_early };

/// Local. The goal of a single layer without early stopping.
[[nodiscard]] RunGoal goal_of(const OptimizationOptions& options) noexcept;

/// Local. Whether the layer in work has done all its epochs or updates, and the last of them is reported.
[[nodiscard]] bool layer_is_done(const RunGoal& goal, const TrainingProgress& progress) noexcept;
/// Local. Whether it has done more than that.
[[nodiscard]] bool is_beyond(const RunGoal& goal, const TrainingProgress& progress) noexcept;

/// Local. Whether a run with this progress, between two steps, has come to its end, and what ended it: early stopping
/// if both did.
[[nodiscard]] RunEnd end_of_run(const RunGoal& goal, const TrainingProgress& progress) noexcept;

}  // namespace rbmpi
