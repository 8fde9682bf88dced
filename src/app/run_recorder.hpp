#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/configuration.hpp"
#include "rbmpi/train/checkpoint_writer.hpp"
#include "rbmpi/train/metrics_log.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {

/// Local. Why the best.h5 of a run is not the model of this epoch, its best: it is not there, or of another; empty if
/// it is. `later_too`: a later epoch is as right, in a run that goes on from before it and will come there again.
[[nodiscard]] std::string problem_of_best(const RunFolder& folder, std::uint64_t epoch, bool later_too = false);

/// Keeps what a training leaves behind as it goes: metrics, checkpoints and snapshots, when they are due, and sees to
/// it that it stops in good time. For the root only; everything is Local. What cannot be written is told to `warn`, and
/// does not end the training.
class RunRecorder {
 public:
  using Clock = std::chrono::steady_clock;

  /// `begin`: when the program began; `metrics`: the lines so far; `rows`: of an epoch; `steps`: of the whole run;
  /// `model`: what its files say of it (CheckpointWriter::describe); `checkpoint_bytes`: about the length of a
  /// checkpoint. Takes the memory for the best model, if one may come.
  RunRecorder(const TrainSettings& settings, const RunFolder& folder, std::uint64_t rows, std::uint64_t steps,
              std::string metrics, Model model, std::uint64_t checkpoint_bytes, Clock::time_point begin,
              std::function<void(const std::string&)> warn);

  /// The training goes on with a layer: the last one of `model`, whose files they are from now on. `may_be_best`:
  /// whether a copy of the best may come.
  void begin_layer(Model model, std::uint64_t batch_size, bool may_be_best);

  // The events of training (train/training_events.hpp). Those that keep something wait for what is being written
  // before.
  [[nodiscard]] StepWishes wishes(const TrainingProgress& progress);
  [[nodiscard]] bool has_snapshots() const noexcept { return !snapshots_.empty(); }
  void keep_snapshot(const TrainingState& state);
  void keep_checkpoint(const TrainingState& state, bool stopped);
  void epoch(const EpochMetrics& metrics);
  void keep_best(const TrainingState& state);

  /// At the end: waits for the files that are being written, and tries once more what could not be written.
  void finish();
  /// What could not be written at the end, metrics or the last checkpoint; empty if all is well.
  [[nodiscard]] const std::string& metrics_problem() const noexcept { return metrics_problem_; }
  [[nodiscard]] const std::string& checkpoint_problem() const noexcept { return checkpoint_problem_; }
  /// When there is no more than enough time left to write what a stop leaves behind; nothing without a time limit.
  [[nodiscard]] std::optional<Clock::time_point> last_moment() const;
  /// Before the training: that its time is up as soon as it begins, and why; empty if it is not.
  [[nodiscard]] std::string too_little_time() const;
  /// What stops the training when its time is up.
  [[nodiscard]] const char* deadline_name() const noexcept { return deadline_name_; }
  /// The steps of the last checkpoint that is safe; nothing if there was none since this start.
  [[nodiscard]] std::optional<std::uint64_t> last_checkpoint() const noexcept { return last_checkpoint_; }

 private:
  [[nodiscard]] bool checkpoint_is_due(const TrainingProgress& progress, Clock::time_point now) const;
  [[nodiscard]] bool time_is_up(Clock::time_point now) const;
  void if_memory_allows(const std::function<void()>& keep);
  void write_metrics();
  void take_outcomes(bool tries_again = true);
  void restore_configuration();

  const CheckpointSettings checkpoints_;
  std::uint64_t batch_size_;
  const std::uint64_t rows_;
  std::vector<std::uint64_t> snapshots_;  ///< steps at which one is kept
  std::function<void(const std::string&)> warn_;
  RunFolder folder_;
  std::string configuration_;  ///< of the run, as its folder has it
  MetricsLog log_;
  CheckpointWriter writer_;

  std::optional<Clock::time_point> deadline_;
  Clock::time_point last_step_;
  Clock::time_point last_keeping_;
  double longest_step_ = 0;     ///< seconds from one step to the next, validation between them included
  double longest_writing_ = 0;  ///< seconds of a checkpoint; a guess before the first one
  const char* deadline_name_ = "its time limit";
  std::string metrics_problem_;
  std::string checkpoint_problem_;
  std::optional<std::uint64_t> last_checkpoint_;
};

}  // namespace rbmpi
