#pragma once

#include <chrono>
#include <string>

#include "app/layout.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/train/job_log.hpp"
#include "rbmpi/train/run_folder.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {

/// Keeps the line of this job in jobs.jsonl up to date: at its start, now and then, and at its end. For the root only;
/// everything is Local. What cannot be written is tried again with the next; the metrics, in the same folder, warn.
class JobRecorder {
 public:
  using Clock = std::chrono::steady_clock;

  /// `begin`: when the program began; `first_step`: the steps that the run has done before.
  JobRecorder(const RunFolder& folder, const Layout& layout, std::uint64_t first_step, Clock::time_point begin);

  /// After a step.
  void step(const StepProgress& progress);
  /// `end`: "finished", or what it was stopped by.
  void finish(const std::string& end, const OptimizationOutcome& outcome);
  /// After an error that ended the training.
  void fail(const Error& error);

 private:
  void write();

  JobLog log_;
  JobRecord job_;
  Clock::time_point begin_;
  Clock::time_point written_;
};

}  // namespace rbmpi
