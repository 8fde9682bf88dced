#include "rbmpi/train/run_end.hpp"

#include "rbmpi/train/early_stop.hpp"

namespace rbmpi {

RunEnd end_of_run(const RunGoal& goal, const TrainingProgress& progress) noexcept {
  if (progress.layer + 1 < goal.layers) return RunEnd::not_yet;
  if (goal.patience && stopped_early(*goal.patience, progress)) return RunEnd::stopped_early;
  return progress.epoch > goal.epochs ? RunEnd::epochs_done : RunEnd::not_yet;
}

}  // namespace rbmpi
