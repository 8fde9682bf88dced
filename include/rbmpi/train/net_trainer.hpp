#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "rbmpi/model/feed_forward_net.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/optimize.hpp"
#include "rbmpi/train/trainer.hpp"
#include "rbmpi/train/training_events.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// How a net is trained by back-propagation. The names are those of the configuration file.
struct NetTrainingOptions : OptimizationOptions {
  double input_dropout = 0;   ///< share of the inputs that a step leaves out (Srivastava and others 2014)
  double hidden_dropout = 0;  ///< share of the sigmoid hidden units; linear ones, the code, all stay
  bool early_stop = false;    ///< end after `patience` epochs in a row without a better validation error
};

struct NetTrainingResult : OptimizationOutcome {
  FeedForwardNet net;  ///< on the root; the others have none
};

/// Collective. Trains a net by back-propagation (Rumelhart, Hinton and Williams 1986), data-parallel over the ranks of
/// `world`: `optimize` (train/optimize.hpp) with the gradient of
///   - a classifier (softmax outputs): the cross-entropy of the labels, `classes` being those of the outputs in their
///     order, sorted;
///   - another net, whose outputs must be sigmoids, as many as inputs: the cross-entropy of the data, summed over the
///     units, as its reconstruction.
/// It begins with `net`, or `start`; both, and `classes`, only the root has to give. Sums are of single precision: a
/// run repeats bit for bit on the same layout of ranks, nodes and threads, and differs by rounding on others. What is
/// random is a function of the seed, so that a training that was stopped goes on as if it had not been.
///
/// The first figure of an epoch is `cross_entropy`, mean of a row, as seen during the epoch, with dropout. With rows
/// to validate on follow `validation_error`, the share of rows whose likeliest class is another one, and
/// `validation_cross_entropy`; of an autoencoder `validation_squared_error`, summed over the units, mean of a row, and
/// the same cross-entropy. Then the best epoch is noted (TrainingProgress::best_epoch), whether `early_stop` or not: of
/// those with the fewest errors the one of the lowest cross-entropy, or that of the lowest squared error.
///
/// Throws what `optimize` throws; AgreedError(Failure::usage) for options or a net that cannot be, Failure::file for
/// data that do not fit it: columns, labels that are missing or none of the classes, by their row.
[[nodiscard]] NetTrainingResult train_net(const NetTrainingOptions& options, FeedForwardNet net,
                                          std::span<const std::int32_t> classes, const TrainingData& data,
                                          const Communicator& world, const TrainingEvents& events = {},
                                          std::optional<SavedState> start = {});

/// Collective. What `automatic` stands for in such a training on `rows` rows.
[[nodiscard]] Exchange exchange_in_use(const NetTrainingOptions& options, const NetShape& shape, std::uint64_t rows,
                                       const Communicator& world);

/// Local. In how many pieces nodes exchange their sums while they compute (train/optimize.hpp).
[[nodiscard]] std::size_t exchange_pieces(const NetTrainingOptions& options, const NetShape& shape, std::uint64_t rows,
                                          int nodes, int ranks_on_node);

/// Local. Throws Error(Failure::usage) for options that cannot be, with the name and value of the key.
void check_options(const NetTrainingOptions& options);

/// Local. Bytes that one of `ranks` ranks, of which `ranks_on_node` are on a node, needs for training besides the
/// samples; its share of what the node's ranks have in common is in it.
[[nodiscard]] std::uint64_t net_training_memory(const NetTrainingOptions& options, const NetShape& shape,
                                                std::uint64_t rows, bool validation, int ranks, int ranks_on_node);

}  // namespace rbmpi
