#include "train/step_plan.hpp"

#include <algorithm>

#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/train/optimize.hpp"

namespace rbmpi {
namespace {

/// Blocks with fewer values for a rank are done by one thread: to wake the others would take longer.
constexpr std::size_t values_worth_threads = 1 << 14;

}  // namespace

StepPlan::StepPlan(const GradientFunction& function, const OptimizationOptions& options, std::uint64_t rows,
                   int all_nodes, int ranks_on_node, int slot)
    : blocks(function.blocks()),
      nodes(all_nodes),
      wide(function.has_exact_sums() && options.batch_size > largest_single_precision_batch) {
  const auto slots = static_cast<std::size_t>(ranks_on_node);
  const std::uint64_t longest_share = shard(std::min(options.batch_size, rows), 0, nodes).count;  // of a node
  std::uint64_t node_rows = std::min<std::uint64_t>(slots * rows_at_once, longest_share);
  // They are added up in single precision, so exactly only up to a limit.
  if (wide) node_rows = std::min<std::uint64_t>(node_rows, largest_single_precision_batch);
  share = {.node_rows = node_rows,
           .slots = slots,
           .slot = static_cast<std::size_t>(slot),
           .threads = static_cast<std::size_t>(threads_in_use()),
           .ranks = nodes * ranks_on_node};
  const bool in_parts = longest_share > node_rows;
  keeps_sums = nodes > 1 || in_parts || wide;
  needs_panels = !keeps_sums || (in_parts && !wide);
  exchanges_pieces = nodes > 1 && options.exchange != Exchange::allreduce && !in_parts && !wide;
  mine = RankShare(blocks, share);
  NodeShare first = share;  // all ranks have as many pieces
  first.slot = 0;
  pieces = mine.cut(exchanges_pieces ? RankShare(blocks, first).good_pieces(share.threads) : 1);
}

std::size_t StepPlan::threads_for(const BlockRows& part) const noexcept {
  return part.rows.count * blocks[part.block].columns < values_worth_threads ? 1 : share.threads;
}

std::size_t StepPlan::largest_panel(const BatchGradient& gradient) const {
  std::size_t most = 0;
  for (std::size_t block = 0; block < blocks.count(); ++block) {
    const BlockRows all{block, mine.rows(block)};
    const std::uint64_t rows = cut(all, 0, threads_for(all)).rows.count;
    most = std::max(most, std::min<std::size_t>(rows, gradient.panel_rows(block)) * blocks[block].columns);
  }
  return most;
}

std::size_t StepPlan::longest_sum() const noexcept {
  std::size_t longest = sizeof(StepCounts);
  for (const std::vector<BlockRows>& piece : pieces)
    longest = std::max(longest, mine.values(piece).count * sizeof(Real));
  return longest;
}

}  // namespace rbmpi
