#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "rbmpi/data/samples.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/phase_clock.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/validation.hpp"

namespace rbmpi {

/// One epoch as metrics.jsonl reports it.
struct EpochMetrics {
  std::uint32_t layer = 0;
  std::uint64_t epoch = 0;    ///< from 1
  std::uint64_t step = 0;     ///< steps of this layer so far
  std::uint64_t samples = 0;  ///< rows of this epoch
  double seconds = 0;         ///< of this epoch, without validation
  double samples_per_second = 0;
  double reconstruction_mse = 0;  ///< mean of (v0p - v1p)^2 over rows and units, as seen during the epoch
  std::optional<ValidationFigures> validation;
};

/// One line of JSON, without the line's end.
[[nodiscard]] std::string to_json(const EpochMetrics& metrics);

/// Where training stands after a step.
struct StepProgress {
  std::uint64_t epoch = 0;  ///< from 1
  std::uint64_t epochs = 0;
  std::uint64_t samples = 0;        ///< rows of this epoch so far
  std::uint64_t epoch_samples = 0;  ///< rows of a whole epoch
  double reconstruction_mse = 0;    ///< of this epoch so far
};

/// What a caller may want to be told; called on every rank, and must not communicate. Either may be empty.
struct TrainingEvents {
  std::function<void(const StepProgress&)> step;
  std::function<void(const EpochMetrics&)> epoch;
};

/// The samples to train on and, if `validation.rows` is not 0, those to validate on: the same on all ranks.
struct TrainingData {
  Samples training;
  Samples validation;
};

struct TrainingResult {
  Rbm rbm;
  TimeSplit time_split{};  ///< of this rank
};

/// Collective. Trains an RBM with `options.hidden` units from random weights, data-parallel over the ranks of `world`.
/// Every rank takes its share of each mini-batch; one exchange a step sums the gradients; every rank makes the same
/// update. In exact arithmetic the result depends on data, options and seed only (docs/numerics.md).
/// Throws an AgreedError: Failure::usage for options that cannot be, Failure::file for data that do not fit,
/// Failure::diverged when parameters are no longer finite, Failure::interrupted after a signal, Failure::other if the
/// ranks do not end with the same parameters.
[[nodiscard]] TrainingResult train_rbm(const TrainingOptions& options, const TrainingData& data,
                                       const Communicator& world, const TrainingEvents& events = {});

/// Local. Throws Error(Failure::usage) for options that cannot be, with the name and value of the key.
void check_options(const TrainingOptions& options);

/// Local. Bytes that one of `ranks` ranks needs for training besides the samples.
[[nodiscard]] std::uint64_t training_memory(const TrainingOptions& options, std::uint64_t visible, bool validation,
                                            int ranks);

}  // namespace rbmpi
