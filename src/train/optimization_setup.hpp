#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "rbmpi/data/row_source.hpp"
#include "rbmpi/parallel/workspace.hpp"
#include "rbmpi/train/gradient_function.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "rbmpi/train/rank_layout.hpp"
#include "train/state_arrays.hpp"
#include "train/step_plan.hpp"
#include "train/step_sums.hpp"

namespace rbmpi {

/// What a rank tells the others of its node in each step, on a cache line of its own.
struct alignas(64) RankCounts : StepCounts {};

/// What a step works in. Move-only.
struct StepMemory {
  /// Local.
  StepMemory(const GradientFunction& gradient, const StepPlan& plan, const OptimizationOptions& options,
             const Rows& rows, Workspace& memory);

  /// Collective over `nodes`, one rank of each, the root first. Each node takes over parameters, what the optimizer
  /// remembers and the other arrays from a start that fits, which only the root has to give.
  void fill(const std::optional<SavedState>& start, const Communicator& nodes);

  std::span<Real> parameters;    ///< of the node, or of this rank
  std::span<RankCounts> counts;  ///< of each rank of the node
  std::unique_ptr<RowReader> reader;
  PreparedGradient function;
  std::unique_ptr<Optimizer> optimizer;
  std::vector<OptimizerMemory> optimizer_memory;
  std::optional<StepSums> sums;
  std::optional<StateArrays> state;  ///< that the function remembers
};

/// Who shares the parameters with whom, what a step is like for a rank, and the memory for it. Move-only.
struct OptimizationSetup {
  RankLayout layout;
  StepPlan plan;
  Workspace memory;
};

/// Collective. Copies of the parameters where `automatic` finds no memory to share on some node.
[[nodiscard]] OptimizationSetup set_up(const GradientFunction& function, const OptimizationOptions& options,
                                       const Rows& rows, const Communicator& world);

}  // namespace rbmpi
