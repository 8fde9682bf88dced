#include "app/run_recorder.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {
namespace {

using Clock = RunRecorder::Clock;
using Seconds = std::chrono::duration<double>;

/// The end of the Slurm job, if there is one and it has an end; half a minute earlier, for what comes after the
/// program.
std::optional<Clock::time_point> end_of_slurm_job() {
  const char* const text = std::getenv("SLURM_JOB_END_TIME");
  std::int64_t end = 0;
  if (text == nullptr || std::from_chars(text, text + std::strlen(text), end).ec != std::errc() || end <= 0) return {};
  constexpr std::int64_t century = std::int64_t{100} * 366 * 24 * 3600;
  const std::int64_t left = end - static_cast<std::int64_t>(std::time(nullptr));
  if (left <= 0 || left > century) return {};  // of a job that is over, whose shell lives on
  return Clock::now() + std::chrono::seconds(left - 30);
}

}  // namespace

std::string problem_of_best(const RunFolder& folder, std::uint64_t epoch, bool later_too) {
  std::string found;
  try {
    found = read_in_child(folder.best(), [&] {
      return Hdf5File::open(folder.best()).text_attribute("/", "epoch").value_or(std::string());
    });
  } catch (const Error& error) {
    // A signal, or too little memory for a child, says nothing of the file.
    return error.failure() == Failure::file ? error.what() : std::string();
  }
  std::uint64_t number = 0;
  std::from_chars(found.data(), found.data() + found.size(), number);
  if (number == epoch || (later_too && number > epoch)) return {};
  return fmt::format("'{}' is of {}", folder.best().string(),
                     number == 0 ? "an unknown epoch" : fmt::format("epoch {}", number));
}

RunRecorder::RunRecorder(const TrainSettings& settings, const RunFolder& folder, std::uint64_t rows,
                         std::uint64_t steps, std::string metrics, Model model, std::uint64_t checkpoint_bytes,
                         Clock::time_point begin, std::function<void(const std::string&)> warn)
    : checkpoints_(settings.checkpoints),
      batch_size_(settings.training.batch_size),
      rows_(rows),
      snapshots_(settings.checkpoints.snapshots.steps(steps)),
      warn_(std::move(warn)),
      folder_(folder),
      configuration_(effective_configuration(settings)),
      log_(folder.metrics(), std::move(metrics)),
      writer_(folder, settings.checkpoints.keep),
      last_step_(Clock::now()),
      last_keeping_(last_step_) {
  if (settings.time_limit > 0) deadline_ = begin + std::chrono::seconds(settings.time_limit);
  if (const auto end = end_of_slurm_job(); end && (!deadline_ || *end < *deadline_)) {
    deadline_ = end;
    deadline_name_ = "the end of its Slurm job";
  }
  constexpr double slow_disk = 50e6;  // bytes per second: a guess before the first checkpoint
  longest_writing_ = 1 + static_cast<double>(checkpoint_bytes) / slow_disk;
  const bool may_be_best = keeps_best(settings) && (!model.layers.empty() || model.net);
  writer_.describe(std::move(model));
  if (may_be_best) writer_.reserve_best();
  log_.restore();
}

void RunRecorder::begin_layer(Model model, std::uint64_t batch_size, bool may_be_best) {
  batch_size_ = batch_size;
  writer_.describe(std::move(model));
  if (may_be_best) if_memory_allows([&] { writer_.reserve_best(); });
  last_step_ = Clock::now();
}

StepWishes RunRecorder::wishes(const TrainingProgress& progress) {
  const Clock::time_point now = Clock::now();
  if (progress.epoch_rows > 0 || progress.steps > 0) {
    longest_step_ = std::max(longest_step_, Seconds(now - last_step_).count());
  }
  last_step_ = now;
  take_outcomes();
  return {.stop = time_is_up(now), .checkpoint = checkpoint_is_due(progress, now)};
}

bool RunRecorder::checkpoint_is_due(const TrainingProgress& progress, Clock::time_point now) const {
  const std::uint64_t steps = progress.steps + 1;
  const bool ends_epoch = progress.epoch_rows + batch_size_ >= rows_;
  return (checkpoints_.steps > 0 && steps % checkpoints_.steps == 0) ||
         (checkpoints_.epochs > 0 && ends_epoch && progress.epoch % checkpoints_.epochs == 0) ||
         (checkpoints_.seconds > 0 && now - last_keeping_ >= std::chrono::seconds(checkpoints_.seconds) &&
          writer_.idle());
}

bool RunRecorder::time_is_up(Clock::time_point now) const {
  if (!deadline_) return false;
  // This step and the writing of its end come first, either of which may take longer than ever before.
  const Seconds needed(2 * (longest_step_ + longest_writing_));
  return now + needed >= *deadline_;
}

std::string RunRecorder::too_little_time() const {
  const Clock::time_point now = Clock::now();
  if (!time_is_up(now)) return {};
  return fmt::format("{} leaves {:.1f} s, and {:.1f} s are kept to write a checkpoint: the training stops after a step",
                     deadline_name_, std::max(0.0, Seconds(*deadline_ - now).count()), 2 * longest_writing_);
}

std::optional<RunRecorder::Clock::time_point> RunRecorder::last_moment() const {
  if (!deadline_) return std::nullopt;
  return *deadline_ - std::chrono::duration_cast<Clock::duration>(Seconds(2 * longest_writing_));
}

void RunRecorder::keep_snapshot(const TrainingState& state) {
  if (!std::ranges::binary_search(snapshots_, state.progress.steps)) return;
  if_memory_allows([&] { writer_.keep_snapshot(state); });
}

void RunRecorder::keep_best(const TrainingState& state) {
  if_memory_allows([&] { writer_.keep_best(state); });
}

void RunRecorder::keep_checkpoint(const TrainingState& state, bool stopped) {
  last_keeping_ = Clock::now();
  if_memory_allows([&] {
    if (stopped) {
      writer_.keep_last_checkpoint(state, log_.text());
    } else {
      writer_.keep_checkpoint(state, log_.text());
    }
  });
}

void RunRecorder::if_memory_allows(const std::function<void()>& keep) {
  try {
    keep();
  } catch (const std::bad_alloc&) {
    checkpoint_problem_ = "there is not enough memory for a copy of the parameters";
    warn_(checkpoint_problem_ + "; training goes on without it");
  }
}

void RunRecorder::epoch(const EpochMetrics& metrics) {
  log_.add(to_json(metrics));
  write_metrics();
}

void RunRecorder::write_metrics() {
  std::string problem;
  try {
    log_.write();
  } catch (const Error& error) {
    problem = error.what();
    if (problem != metrics_problem_) warn_(problem + "; the line is kept, and written as soon as that works");
  }
  metrics_problem_ = problem;
}

void RunRecorder::take_outcomes(bool tries_again) {
  for (const CheckpointWriter::Outcome& outcome : writer_.outcomes()) {
    if (!outcome.problem.empty()) {
      const char* const rest =
          outcome.file == folder_.best() && tries_again ? "; its copy stays in memory, and is tried again" : "";
      warn_(fmt::format("{} is not kept: {}{}", outcome.file.filename().string(), outcome.problem, rest));
    }
    if (!outcome.is_checkpoint) continue;
    checkpoint_problem_ = outcome.problem;
    if (outcome.problem.empty()) {
      last_checkpoint_ = outcome.steps;
      restore_configuration();
    }
    longest_writing_ = std::max(longest_writing_, outcome.seconds);
  }
}

void RunRecorder::restore_configuration() {
  try {
    folder_.restore_configuration(configuration_);
  } catch (const Error& error) {
    warn_(error.what());
  }
}

void RunRecorder::finish() {
  writer_.wait();
  take_outcomes();
  writer_.retry_best();
  writer_.wait();
  take_outcomes(/*tries_again=*/false);
  if (!metrics_problem_.empty()) write_metrics();
}

}  // namespace rbmpi
