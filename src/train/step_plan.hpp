#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rbmpi/core/threads.hpp"
#include "rbmpi/train/gradient_function.hpp"
#include "rbmpi/train/training_options.hpp"
#include "train/rank_share.hpp"

namespace rbmpi {

/// What the ranks tell each other in each step.
struct StepCounts {
  std::int64_t loss = 0;  // in units of loss_unit
  std::int64_t stop = 0;  // wishes
  std::int64_t checkpoint = 0;
  std::array<std::int64_t, gradient_phases> weights{};  // in units of weight_unit

  /// All of them, to be summed.
  [[nodiscard]] std::span<std::int64_t> all() noexcept { return {&loss, sizeof(StepCounts) / sizeof(std::int64_t)}; }
};

/// How a rank goes through a step: found once, by whoever takes the steps and whoever forecasts their memory.
struct StepPlan {
  /// Local. For rank `slot` of node `node` of `nodes` with `ranks_on_node` ranks each, and `rows` rows of data in all.
  /// `function` must live on.
  StepPlan(const GradientFunction& function, const OptimizationOptions& options, std::uint64_t rows, int nodes,
           int ranks_on_node, int node = 0, int slot = 0);

  /// In how many parts each node takes its rows of a batch of so many, and its chains: part p has those from
  /// p * share.node_rows and p * share.node_chains on.
  [[nodiscard]] std::uint64_t parts(std::uint64_t batch_rows) const noexcept;

  /// The threads that share out these rows of an array.
  [[nodiscard]] std::size_t threads_for(const ArrayRows& part) const noexcept;
  /// The values of the largest panel of a thread. Throws Error(Failure::usage) for panels that cannot be.
  [[nodiscard]] std::size_t largest_panel(const BatchGradient& gradient) const;
  /// Of the sums that go to other nodes while others are computed, the pieces of each phase and the counts of the step:
  /// their number, and the bytes of the longest.
  [[nodiscard]] std::size_t sums_under_way() const noexcept { return pieces.size() * phases + 1; }
  [[nodiscard]] std::size_t longest_sum() const noexcept;

  /// Calls body(rows, thread) for panels of `part`, of as many rows as the gradient likes, on all threads if there is
  /// enough for them.
  template <typename Body>
  void for_each_panel(const ArrayRows& part, const BatchGradient& gradient, const Body& body) const {
    for_each_panel(part, gradient.panel_rows(part.array), body);
  }
  /// The same, of at most `panel_rows` rows.
  template <typename Body>
  void for_each_panel(const ArrayRows& part, std::size_t panel_rows, const Body& body) const {
    const std::size_t threads = threads_for(part);
    const auto on_thread = [&](std::size_t thread) {
      const ArrayRows of_thread = cut(part, thread, threads);
      const std::size_t panels = (of_thread.rows.count + panel_rows - 1) / panel_rows;
      for (std::size_t panel = 0; panel < panels; ++panel) body(cut(of_thread, panel, panels).rows, thread);
    };
    if (threads == 1) {
      on_thread(0);
    } else {
      parallel_for(threads, on_thread);
    }
  }

  const ParameterLayout& layout;
  std::uint64_t chains;  ///< of all nodes
  std::size_t phases;    ///< of the gradient
  bool weighs_rows;      ///< they count differently
  NodeShare share;
  bool wide;              ///< sums in double precision: a batch has more rows than single precision adds exactly
  bool exchanges_pieces;  ///< pieces of the sums go to other nodes while the next ones are computed
  /// Sums must be kept, since more is to be added to them, by other nodes or parts of the batch, or they are wide.
  bool keeps_sums;
  /// The gradient of a panel is formed apart: it is used up at once, or added to that of other parts.
  bool needs_panels;
  RankShare mine;                              ///< of the parameters
  std::vector<std::vector<ArrayRows>> pieces;  ///< of it, one after the other

 private:
  [[nodiscard]] ArrayRows cut(const ArrayRows& part, std::size_t index, std::size_t count) const {
    return {part.array,
            shard_in_groups(part.rows, layout[part.array].group, static_cast<int>(index), static_cast<int>(count))};
  }
};

}  // namespace rbmpi
