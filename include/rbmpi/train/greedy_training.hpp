#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/trainer.hpp"
#include "rbmpi/train/training_events.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// The most different labels that can be joined to features: each is a unit.
inline constexpr std::size_t most_joined_classes = 10'000;

/// How a stack of RBMs is trained, one layer after the other: the means of a layer's hidden units, of zeros and ones
/// their probabilities, are the data of the next (Hinton, Osindero and Teh 2006; Hinton and Salakhutdinov 2006;
/// evaluate/stack_features.hpp).
struct GreedyOptions {
  /// One for each layer, lowest first, the visible units of the kind of the hidden ones below. Their `layer` and
  /// `first_step` follow from their places. `early_stop` is for the highest layer alone: what the layers above learn
  /// would else change with a patience that may change between starts.
  std::vector<TrainingOptions> layers;
  /// Whether the data of the highest layer are the features and, beside them, the label as one unit for each class.
  bool join_labels = false;
  /// The most bytes of features that are kept on each node; nothing: `room_for_features`. Rows that do not
  /// fit are made anew whenever they are wanted, with the same result.
  std::optional<std::uint64_t> features_memory;
};

/// Where a stack goes on: the layers that are finished, and a layer in work, or finished as well.
struct GreedyStart {
  std::vector<Rbm> below;
  SavedState state;            ///< of layer `below.size()`
  ChainsOfLayers chains = {};  ///< of those below
};

/// What is told at the beginning of each layer.
struct LayerBeginning {
  std::uint32_t layer = 0;
  const TrainingOptions& options;  ///< of this layer
  std::uint64_t rows = 0;          ///< that it is trained on
  std::size_t visible = 0;
  std::uint64_t kept_bytes = 0;           ///< of features, on each node
  std::uint64_t made_rows = 0;            ///< whose features are made anew whenever they are wanted
  std::span<const Rbm> below;             ///< the finished layers; on the root alone
  const ChainsOfLayers& chains;           ///< of these; on the root alone
  std::span<const std::int32_t> classes;  ///< of the labels that are joined to the features
};

struct GreedyEvents {
  TrainingEvents training;  ///< of every layer; the progress tells which one
  /// On every rank, before a layer is trained, or goes on; must not communicate. What one rank throws ends it on all.
  std::function<void(const LayerBeginning&)> layer;
};

struct GreedyResult : OptimizationOutcome {
  std::vector<Rbm> layers;            ///< those that are finished, on the root; the others have none
  ChainsOfLayers chains;              ///< of those that were trained with persistent ones; likewise
  std::vector<std::int32_t> classes;  ///< of the joined labels, in the order of their units
};

/// Collective. Trains the layers one after the other by `train_rbm`, from `start`, which only the root has to give, if
/// there is one. `progress.steps` counts on from layer to layer. The result is bit for bit what training each layer by
/// itself (with its number in `layer`) on the features of the layers below gives, on any number of ranks, wherever it
/// was interrupted, between layers too, and however many features were kept. Throws what `train_rbm` throws, and an
/// AgreedError: Failure::usage for options or labels that cannot be, Failure::file for a start that does not fit.
[[nodiscard]] GreedyResult train_stack(const GreedyOptions& options, const TrainingData& data,
                                       const Communicator& world, const GreedyEvents& events = {},
                                       std::optional<GreedyStart> start = {});

/// Local. The shapes of the layers on data of so many columns. `classes`: of the labels that join the highest layer.
/// Throws Error(Failure::usage) for units that are not known.
[[nodiscard]] std::vector<RbmShape> shapes_of_layers(const GreedyOptions& options, std::uint64_t visible,
                                                     std::size_t classes = 0);

/// Local. The options of a layer as `train_stack` uses them for so many rows.
[[nodiscard]] TrainingOptions options_of_layer(const GreedyOptions& options, std::size_t layer, std::uint64_t rows);

/// Local. Throws Error(Failure::usage) for options that cannot be, with key and value.
void check_options(const GreedyOptions& options);

/// Local. Bytes of features that each of `nodes` groups of ranks on one machine keeps if it is told no number: half of
/// what is free, without what training the layer will take on that machine.
[[nodiscard]] std::uint64_t room_for_features(std::uint64_t free, std::uint64_t training, std::uint64_t nodes);

/// Local. Bytes that one of `ranks` ranks, of which `ranks_on_node` are on a node, needs in the layer that needs most,
/// besides the samples and the features that are kept. `weighted`: as of training_memory.
[[nodiscard]] std::uint64_t greedy_memory(const GreedyOptions& options, std::uint64_t visible, bool validation,
                                          int ranks, int ranks_on_node, bool weighted = false);

}  // namespace rbmpi
