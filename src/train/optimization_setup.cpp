#include "train/optimization_setup.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/parallel/sums_under_way.hpp"
#include "rbmpi/train/optimize.hpp"
#include "train/finite_parameters.hpp"

namespace rbmpi {
namespace {

/// Collective. Nothing where `automatic` finds no memory to share on some node, so that copies of the parameters may
/// do.
std::optional<OptimizationSetup> set_up(const GradientFunction& function, const OptimizationOptions& options,
                                        const Rows& rows, Exchange exchange, const Communicator& world) {
  RankLayout layout = arrange_ranks(world, exchange, options.ranks_per_node);
  OptimizationOptions chosen = options;
  chosen.exchange = layout.exchange;
  const Communicator& node = layout.node;
  StepPlan plan(function, chosen, rows.rows, layout.peers.size(), node.size(), layout.node_index, node.rank());
  Workspace counted(ArenaUse::count);
  world.agree([&] { (void)StepMemory(function, plan, chosen, rows, counted); });
  Workspace memory;
  try {
    world.agree([&] { memory.node = NodeArena(node, counted.node.taken()); });
  } catch (const AgreedError& error) {
    if (exchange == Exchange::allreduce || world.size() == 1) throw;
    if (exchange == Exchange::automatic) return std::nullopt;
    throw AgreedError(error.failure(), fmt::format("{}; exchange = allreduce does without", error.what()));
  }
  return OptimizationSetup{std::move(layout), std::move(plan), std::move(memory)};
}

}  // namespace

StepMemory::StepMemory(const GradientFunction& gradient, const StepPlan& plan, const OptimizationOptions& options,
                       const Rows& rows, Workspace& memory)
    : parameters(memory.node.take<Real>(plan.layout.size())),
      counts(memory.node.take<RankCounts>(plan.share.slots)),
      reader(rows.reader({.most_rows = plan.share.node_rows,
                          .slots = plan.share.slots,
                          .slot = plan.share.slot,
                          .block_rows = options.shuffle_block,
                          .batch_rows = options.batch_size,
                          .nodes = plan.share.nodes,
                          .node = plan.share.node},
                         memory)) {
  function = gradient.prepare(plan.share, parameters, memory);
  if (!function.follower) {
    function.follower = std::make_unique<FiniteParameters>(plan.layout, parameters, plan.share, memory.node);
  }
  optimizer = rbmpi::optimizer(options.optimizer).make(plan.layout, options, memory.node);
  optimizer_memory = optimizer->memory();
  sums.emplace(gradient, plan, *function.gradient, memory);
  state.emplace(function.gradient->state(), plan.share, memory.rank);
}

void StepMemory::fill(const std::optional<SavedState>& start, const Communicator& nodes) {
  const auto fill_values = [&](std::span<Real> values, const AlignedBuffer<Real>* saved) {
    if (saved != nullptr) std::ranges::copy(saved->span(), values.begin());
    nodes.broadcast(std::as_writable_bytes(values));
  };
  const bool is_root = nodes.is_root();
  fill_values(parameters, is_root ? &start->parameters : nullptr);
  for (std::size_t i = 0; i < optimizer_memory.size(); ++i) {
    fill_values(optimizer_memory[i].values, is_root ? &start->optimizer[i].values : nullptr);
  }
  state->fill(is_root ? std::span(start->arrays) : std::span<const SavedState::Array>(), nodes);
}

OptimizationSetup set_up(const GradientFunction& function, const OptimizationOptions& options, const Rows& rows,
                         const Communicator& world) {
  std::optional<OptimizationSetup> setup = set_up(function, options, rows, options.exchange, world);
  if (setup) return std::move(*setup);
  return set_up(function, options, rows, Exchange::allreduce, world).value();
}

Exchange exchange_in_use(const GradientFunction& function, const OptimizationOptions& options, std::uint64_t rows,
                         const Communicator& world) {
  if (options.exchange != Exchange::automatic) return options.exchange;
  return set_up(function, options, Samples{.rows = rows}, world).layout.exchange;
}

std::size_t exchange_pieces(const GradientFunction& function, const OptimizationOptions& options, std::uint64_t rows,
                            int nodes, int ranks_on_node) {
  const StepPlan plan(function, options, rows, nodes, ranks_on_node);
  return plan.exchanges_pieces ? plan.pieces.size() : 0;
}

std::uint64_t optimization_memory(const GradientFunction& function, const OptimizationOptions& options,
                                  std::uint64_t rows, int ranks, int ranks_on_node) {
  if (options.exchange == Exchange::allreduce) ranks_on_node = 1;
  const StepPlan plan(function, options, rows, ranks / ranks_on_node, ranks_on_node);
  Workspace counted(ArenaUse::count);
  (void)StepMemory(function, plan, options, Samples{.rows = rows}, counted);
  if (plan.exchanges_pieces) {
    SumsUnderWay::take_room(plan.share.nodes, plan.sums_under_way(), plan.longest_sum(), counted.rank);
  }
  const auto on_node = static_cast<std::uint64_t>(ranks_on_node);
  const auto share_of = [&](std::uint64_t bytes) { return (bytes + on_node - 1) / on_node; };
  const std::uint64_t at_the_end = share_of(plan.layout.size() * sizeof(Real));  // the result, of the root alone
  return share_of(counted.node.taken()) + std::max(counted.rank.most(), at_the_end);
}

}  // namespace rbmpi
