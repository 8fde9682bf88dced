#pragma once

#include <cstdint>
#include <optional>

#include "rbmpi/data/row_source.hpp"
#include "rbmpi/data/row_weights.hpp"
#include "rbmpi/model/chain_states.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/optimize.hpp"
#include "rbmpi/train/training_events.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// Mean log-likelihoods, in nats a row (train/likelihood.hpp).
struct LikelihoodFigures {
  double log_z = 0;
  double log_z_standard_error = 0;               ///< 0: exact
  std::optional<double> log_z_effective_chains;  ///< that carry the estimate; of AIS alone
  double training = 0;                           ///< of the first training rows
  std::optional<double> validation;
};

/// The data to train on and, if `validation.rows` is not 0, those to validate on: the same on all ranks.
struct TrainingData {
  Rows training;
  Rows validation;
};

/// What the root has at the end; the others have nothing of it.
struct TrainingResult : OptimizationOutcome {
  Rbm rbm;
  ChainStates chains;  ///< v of persistent chains, if it was trained with some
};

/// Collective. Trains an RBM with `options.hidden` units, data-parallel over the ranks of `world`: from random weights,
/// or from `start`, which only the root has to give; `optimize` (train/optimize.hpp) with the gradient that an
/// estimator finds. In exact arithmetic the result depends on data, options and seed only (docs/numerics.md), however
/// often training was stopped and on however many ranks it went on. Throws what `optimize` throws, and an
/// AgreedError(Failure::file) for data that do not fit.
[[nodiscard]] TrainingResult train_rbm(const TrainingOptions& options, const TrainingData& data,
                                       const Communicator& world, const TrainingEvents& events = {},
                                       std::optional<SavedState> start = {});

/// Local. The shape of the machine that is trained on rows of so many columns. Throws Error(Failure::usage) for units
/// that are not known.
[[nodiscard]] RbmShape shape_of(const TrainingOptions& options, std::uint64_t visible);

/// Local. The engine of a training with these options: what `automatic` stands for. `active` wherever the data are
/// sampled, the units are bits and the arithmetic is exact: at every density it was found to be faster
/// (docs/performance.md).
[[nodiscard]] Engine engine_in_use(const TrainingOptions& options);

/// Local. With which visible biases a training with these options begins: what `automatic` stands for.
[[nodiscard]] VisibleBiasInit visible_bias_init_in_use(const TrainingOptions& options);

/// Collective. What `automatic` stands for in training on `rows` rows of `visible` units (train/optimize.hpp), which
/// have these weights; default: none.
[[nodiscard]] Exchange exchange_in_use(const TrainingOptions& options, std::uint64_t rows, std::uint64_t visible,
                                       const Communicator& world, const RowWeights& weights = {});

/// Local. In how many pieces nodes exchange their sums while they compute (train/optimize.hpp).
[[nodiscard]] std::size_t exchange_pieces(const TrainingOptions& options, std::uint64_t rows, std::uint64_t visible,
                                          int nodes, int ranks_on_node, const RowWeights& weights = {});

/// Local. Throws Error(Failure::usage) for options that cannot be, with the name and value of the key.
void check_options(const TrainingOptions& options);

/// Local. Bytes that one of `ranks` ranks, of which `ranks_on_node` are on a node, needs for training besides the
/// samples; its share of what the node's ranks have in common is in it. `weighted`: the most for rows with any weights.
[[nodiscard]] std::uint64_t training_memory(const TrainingOptions& options, std::uint64_t visible, bool validation,
                                            int ranks, int ranks_on_node, bool weighted = false);

}  // namespace rbmpi
