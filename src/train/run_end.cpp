#include "rbmpi/train/run_end.hpp"

#include "rbmpi/train/early_stop.hpp"

namespace rbmpi {

RunGoal goal_of(const OptimizationOptions& options) noexcept {
  return {.layers = 1,
          .epochs = options.epochs,
          .last_step = options.updates > 0 ? options.first_step + options.updates : 0,
          .patience = {}};
}

bool layer_is_done(const RunGoal& goal, const TrainingProgress& progress) noexcept {
  if (goal.last_step == 0) return progress.epoch > goal.epochs;
  return progress.steps >= goal.last_step && progress.epoch_rows == progress.reported_rows;
}

bool is_beyond(const RunGoal& goal, const TrainingProgress& progress) noexcept {
  if (goal.last_step > 0) return progress.steps > goal.last_step;
  return progress.epoch > goal.epochs && (progress.epoch > goal.epochs + 1 || progress.epoch_rows > 0);
}

RunEnd end_of_run(const RunGoal& goal, const TrainingProgress& progress) noexcept {
  if (progress.layer + 1 < goal.layers) return RunEnd::not_yet;
  if (goal.patience && stopped_early(*goal.patience, progress)) return RunEnd::stopped_early;
  return layer_is_done(goal, progress) ? RunEnd::all_done : RunEnd::not_yet;
}

}  // namespace rbmpi
