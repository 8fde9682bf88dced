#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/gradient_function.hpp"
#include "rbmpi/train/phase_clock.hpp"
#include "rbmpi/train/training_events.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// The most rows of a batch that a node takes together, for each of its ranks. More are taken in parts, which bounds
/// the memory and, where sums are exact, changes nothing.
inline constexpr std::size_t rows_at_once = 1024;

/// How an optimisation ended.
struct OptimizationOutcome {
  std::uint64_t shared_bytes = 0;  ///< that the ranks of this rank's node had in common
  TimeSplit time_split{};          ///< of this rank
  TrainingProgress progress;
  /// Whether all epochs or updates were done, or early stopping ended it (train/early_stop.hpp); else it was stopped,
  /// by a signal or a wish, and can go on from its last checkpoint.
  bool finished = true;
};

/// What the root has at the end; the others have nothing of it.
struct OptimizationResult : OptimizationOutcome {
  AlignedBuffer<Real> parameters;
  std::vector<SavedState::Array> arrays;  ///< that the function remembers, all rows of each
};

/// Collective. The general routine: follows the gradient of `function` over the rows of `samples`, the same on all
/// ranks, data-parallel over the ranks of `world`: from the parameters with which the function begins, or from `start`,
/// which only the root has to give. In every step each node takes its share of the mini-batch and moves its share of
/// the parameters of its node (train/optimizer.hpp); nodes sum their gradients (RankLayout). What is random is a
/// function of seed, layer, epoch and step, so a training that was stopped goes on as if it had not been. After a
/// signal (core/interruption.hpp) on any rank all ranks end the same step and return. Every epoch, and before each
/// checkpoint, nodes (or ranks, where each has a copy) compare their parameters. Throws an AgreedError: Failure::usage
/// for options that cannot be, Failure::file for a start that does not fit, Failure::diverged when parameters are no
/// longer finite, Failure::other if the ranks' parameters differ.
[[nodiscard]] OptimizationResult optimize(const GradientFunction& function, const Rows& samples,
                                          const OptimizationOptions& options, const Communicator& world,
                                          const TrainingEvents& events = {}, std::optional<SavedState> start = {});

/// Collective. What `automatic` stands for in such an optimisation: `shared` where all nodes have equally many ranks
/// and enough memory to share, which is tried, else `allreduce`.
[[nodiscard]] Exchange exchange_in_use(const GradientFunction& function, const OptimizationOptions& options,
                                       std::uint64_t rows, const Communicator& world);

/// Local. Throws Error(Failure::usage) for options that cannot be, with the name and value of the key.
void check_options(const OptimizationOptions& options);

/// Local. In how many pieces each of `ranks_on_node` ranks on each of `nodes` nodes exchanges its sums while it
/// computes; 0 if they are exchanged when all are there, with MPI_Allreduce, or not at all. `options.exchange` is the
/// one in use.
[[nodiscard]] std::size_t exchange_pieces(const GradientFunction& function, const OptimizationOptions& options,
                                          std::uint64_t rows, int nodes, int ranks_on_node);

/// Local. Bytes that one of `ranks` ranks, of which `ranks_on_node` are on a node, needs for an optimisation besides
/// the samples; its share of what the node's ranks have in common is in it.
[[nodiscard]] std::uint64_t optimization_memory(const GradientFunction& function, const OptimizationOptions& options,
                                                std::uint64_t rows, int ranks, int ranks_on_node);

}  // namespace rbmpi
