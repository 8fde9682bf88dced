#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rbmpi/train/phase_clock.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// Something that was measured, by its name in metrics.jsonl (docs/formats.md).
struct Figure {
  std::string name;
  double value = 0;  ///< not a number: there is none, which files show as null
  friend bool operator==(const Figure&, const Figure&) = default;
};

/// One epoch as metrics.jsonl reports it.
struct EpochMetrics {
  std::uint32_t layer = 0;
  std::uint64_t epoch = 0;    ///< from 1
  std::uint64_t step = 0;     ///< steps so far
  std::uint64_t samples = 0;  ///< rows of this epoch; fewer than there are where `updates` end in the middle of it
  double seconds = 0;         ///< of this epoch, without validation
  double samples_per_second = 0;
  std::vector<Figure> figures;  ///< the first is the mean loss, as seen during the epoch, where there is one

  /// The figure of this name, if there is one.
  [[nodiscard]] std::optional<double> figure(std::string_view name) const;
};

/// One line of JSON, without the line's end.
[[nodiscard]] std::string to_json(const EpochMetrics& metrics);

/// Where training stands after a step.
struct StepProgress {
  std::uint32_t layer = 0;
  std::uint64_t epoch = 0;          ///< from 1
  std::uint64_t epochs = 0;         ///< the last may end in the middle
  std::uint64_t samples = 0;        ///< rows of this epoch so far
  std::uint64_t epoch_samples = 0;  ///< rows of a whole epoch
  double all_samples = 0;           ///< rows of all epochs, as far as the last one goes
  std::optional<double> loss;       ///< mean, of this epoch so far; where there is one
  TimeSplit time_split{};           ///< of this rank so far, without this event
};

/// What a rank wishes for after the coming step. The wishes travel in the exchange: one rank's is fulfilled on all.
struct StepWishes {
  bool stop = false;
  bool checkpoint = false;
};

/// What a caller may want to be told or to decide; called on every rank, and must not communicate. Any may be empty.
struct TrainingEvents {
  /// Before each step.
  std::function<StepWishes(const TrainingProgress&)> wishes;
  /// After each step.
  std::function<void(const StepProgress&)> step;
  /// After each step: to keep copies.
  std::function<void(const TrainingState&)> state;
  /// Whenever a rank wished for it, when training is stopped, and at its end. All ranks hold the same state, compared
  /// just before. `stopped`: there may be little time left.
  std::function<void(const TrainingState&, bool stopped)> checkpoint;
  /// After each epoch.
  std::function<void(const EpochMetrics&)> epoch;
  /// Then, with early stopping or of a net that is validated, if the epoch is as good as any before: to keep a copy.
  std::function<void(const TrainingState&)> best;
};

}  // namespace rbmpi
