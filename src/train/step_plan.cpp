#include "train/step_plan.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/train/optimize.hpp"

namespace rbmpi {
namespace {

/// Blocks with fewer values for a rank are done by one thread: to wake the others would take longer.
constexpr std::size_t values_worth_threads = 1 << 14;

}  // namespace

StepPlan::StepPlan(const GradientFunction& function, const OptimizationOptions& options, std::uint64_t rows, int nodes,
                   int ranks_on_node, int node, int slot)
    : layout(function.layout()),
      chains(function.chains()),
      phases(function.has_two_phases() ? gradient_phases : 1),
      weighs_rows(function.weighs_rows()),
      wide(function.exact_rows() > 0 && std::max(options.batch_size, chains) > function.exact_rows()) {
  const auto slots = static_cast<std::size_t>(ranks_on_node);
  const std::uint64_t batch_rows = std::min(options.batch_size, rows);
  std::uint64_t most = slots * rows_at_once;
  // They are added up in single precision, so exactly only up to a limit.
  if (wide) most = std::min(most, function.exact_rows());
  share = {.node_rows = std::min(most, shard(batch_rows, 0, nodes).count),
           .node_chains = std::min(most, shard(chains, 0, nodes).count),
           .slots = slots,
           .slot = static_cast<std::size_t>(slot),
           .threads = static_cast<std::size_t>(threads_in_use()),
           .nodes = nodes,
           .node = node,
           .ranks = nodes * ranks_on_node};
  const bool in_parts = parts(batch_rows) > 1;
  keeps_sums = nodes > 1 || in_parts || wide;
  needs_panels = !keeps_sums || (in_parts && !wide);
  exchanges_pieces = nodes > 1 && options.exchange != Exchange::allreduce && !in_parts && !wide;
  mine = RankShare(layout, share);
  NodeShare first = share;  // all ranks have as many pieces
  first.slot = 0;
  pieces = mine.cut(exchanges_pieces ? RankShare(layout, first).good_pieces(share.threads) : 1);
}

std::uint64_t StepPlan::parts(std::uint64_t batch_rows) const noexcept {
  const auto parts_of = [&](std::uint64_t all, std::uint64_t at_once) {
    const std::uint64_t most = shard(all, 0, share.nodes).count;  // of a node
    return at_once == 0 ? 0 : (most + at_once - 1) / at_once;
  };
  return std::max({std::uint64_t{1}, parts_of(batch_rows, share.node_rows), parts_of(chains, share.node_chains)});
}

std::size_t StepPlan::threads_for(const ArrayRows& part) const noexcept {
  return part.rows.count * layout[part.array].columns < values_worth_threads ? 1 : share.threads;
}

std::size_t StepPlan::largest_panel(const BatchGradient& gradient) const {
  std::size_t most = 0;
  for (std::size_t array = 0; array < layout.count(); ++array) {
    const std::size_t panel = gradient.panel_rows(array);
    if (panel < layout[array].rows && (panel == 0 || panel % layout[array].group != 0)) {
      throw Error(Failure::usage,
                  fmt::format("the gradient function wants panels of {} rows of '{}': a multiple of its "
                              "group of {}, or all rows, would be right",
                              panel, layout[array].path, layout[array].group));
    }
    const ArrayRows all{array, mine.rows(array)};
    const std::uint64_t rows = cut(all, 0, threads_for(all)).rows.count;
    most = std::max(most, std::min<std::size_t>(rows, gradient.panel_rows(array)) * layout[array].columns);
  }
  return most;
}

std::size_t StepPlan::longest_sum() const noexcept {
  std::size_t longest = sizeof(StepCounts);
  for (const std::vector<ArrayRows>& piece : pieces)
    longest = std::max(longest, mine.values(piece).count * sizeof(Real));
  return longest;
}

}  // namespace rbmpi
