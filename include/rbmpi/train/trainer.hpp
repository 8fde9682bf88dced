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
#include "rbmpi/train/training_state.hpp"
#include "rbmpi/train/validation.hpp"

namespace rbmpi {

/// Mean log-likelihoods, in nats a row (train/likelihood.hpp).
struct LikelihoodFigures {
  double log_z = 0;
  double log_z_standard_error = 0;  ///< 0: exact
  double training = 0;              ///< of the first training rows
  std::optional<double> validation;
};

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
  std::optional<LikelihoodFigures> likelihood;
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
  /// Then, with early stopping, if the epoch is as good as any before it: to keep a copy.
  std::function<void(const TrainingState&)> best;
};

/// The samples to train on and, if `validation.rows` is not 0, those to validate on: the same on all ranks.
struct TrainingData {
  Samples training;
  Samples validation;
};

struct TrainingResult {
  Rbm rbm;                         ///< on the root; the others have none
  std::uint64_t shared_bytes = 0;  ///< that the ranks of this rank's node had in common
  TimeSplit time_split{};          ///< of this rank
  TrainingProgress progress;
  /// Whether all epochs were done, or early stopping ended it (train/early_stop.hpp); else it was stopped, by a signal
  /// or a wish, and can go on from its last checkpoint.
  bool finished = true;
};

/// Collective. Trains an RBM with `options.hidden` units, data-parallel over the ranks of `world`: from random weights,
/// or from `start`, which only the root has to give. Every rank takes its share of each mini-batch and updates its
/// share of the parameters of its node; nodes sum their gradients (RankLayout). In exact arithmetic the result depends
/// on data, options and seed only (docs/numerics.md), however often training was stopped and on however many ranks it
/// went on. After a signal (core/interruption.hpp) on any rank all ranks end the same step and return. Every epoch, and
/// before each checkpoint, nodes (or ranks, where each has a copy) compare their parameters. Throws an AgreedError:
/// Failure::usage for options that cannot be, Failure::file for data or a start that do not fit, Failure::diverged when
/// parameters are no longer finite, Failure::other if the ranks' parameters differ.
[[nodiscard]] TrainingResult train_rbm(const TrainingOptions& options, const TrainingData& data,
                                       const Communicator& world, const TrainingEvents& events = {},
                                       std::optional<SavedState> start = {});

/// Local. The engine of a training with these options: what `automatic` stands for. `active` wherever the data are
/// sampled and the arithmetic is exact: at every density it was found to be faster (docs/performance.md).
[[nodiscard]] Engine engine_in_use(const TrainingOptions& options);

/// Collective. What `automatic` stands for in training on `rows` rows of `visible` units: `shared` where all nodes have
/// equally many ranks and enough memory to share, else `allreduce`.
[[nodiscard]] Exchange exchange_in_use(const TrainingOptions& options, std::uint64_t rows, std::uint64_t visible,
                                       const Communicator& world);

/// Local. Throws Error(Failure::usage) for options that cannot be, with the name and value of the key.
void check_options(const TrainingOptions& options);

/// Local. Bytes that one of `ranks` ranks, of which `ranks_on_node` are on a node, needs for training besides the
/// samples; its share of what the node's ranks have in common is in it.
[[nodiscard]] std::uint64_t training_memory(const TrainingOptions& options, std::uint64_t visible, bool validation,
                                            int ranks, int ranks_on_node);

}  // namespace rbmpi
