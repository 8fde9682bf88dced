#pragma once

#include <chrono>
#include <string>

#include "app/configuration.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {

/// Shows on the standard output how training goes: a bar that is drawn anew ten times a second, one line an epoch, or
/// nothing. For the root only.
class Progress {
 public:
  /// `start`: how far the training is when it begins here; `loss`: its name, for a bar.
  Progress(ProgressStyle style, std::uint64_t epochs, const TrainingProgress& start = {}, const char* loss = "mse");
  /// Takes the bar off the screen, so that other lines, an error's too, can follow.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Training goes on with a layer, of `layers`, that has so many epochs.
  void begin_layer(std::uint32_t layer, std::size_t layers, std::uint64_t epochs);
  void step(const StepProgress& progress);
  void epoch(const EpochMetrics& metrics);
  /// Takes the bar off the screen until it is drawn again.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const StepProgress& progress, Clock::time_point now);

  ProgressStyle style_;
  std::uint64_t epochs_;
  TrainingProgress start_;
  const char* loss_;
  std::string layer_;  ///< "layer 2/3  ", if there are several
  Clock::time_point begin_ = Clock::now();
  Clock::time_point drawn_;
};

/// "0.42 s", "37 s", "4 min 10 s", "2 h 5 min".
[[nodiscard]] std::string human_seconds(double seconds);

}  // namespace rbmpi
