#include "app/layout.hpp"

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/terminal.hpp"
#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/core/version.hpp"
#include "rbmpi/parallel/sums_under_way.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {
namespace {

/// The number of threads that was asked for, or that the environment or the cores suggest.
int choose_threads(int wanted, int ranks_on_machine) {
  const int most = std::max(8, 4 * machine_cores());
  if (wanted > most) {
    throw Error(Failure::usage,
                fmt::format("threads = {}: this machine has {} cores; give at most {}", wanted, machine_cores(), most));
  }
  if (wanted > 0) return wanted;
  if (const char* const environment = std::getenv("OMP_NUM_THREADS"); environment != nullptr) {
    const int threads = std::atoi(environment);
    if (threads >= 1 && threads <= most) return threads;
    throw Error(Failure::usage, fmt::format("OMP_NUM_THREADS = {}: must be from 1 to {}", environment, most));
  }
  return std::max(1, std::min(usable_cores(), machine_cores() / ranks_on_machine));
}

}  // namespace

Layout arrange(const Communicator& world, int threads, int ranks_per_node) {
  Layout layout;
  layout.ranks = world.size();
  layout.ranks_on_machine = world.split_by_node(0).size();
  layout.simulated_nodes = ranks_per_node > 0;
  layout.node = world.split_by_node(ranks_per_node);
  layout.has_root = layout.node.maximum(world.is_root() ? 1 : 0) > 0;
  std::int64_t first_ranks = layout.node.is_root() ? 1 : 0;
  world.sum(std::span(&first_ranks, 1));
  layout.nodes = static_cast<int>(first_ranks);
  layout.equal_nodes = world.maximum(layout.node.size()) == -world.maximum(-std::int64_t{layout.node.size()});
  layout.iallreduce_setting = iallreduce_setting(world);
  layout.chosen_threads = threads > 0 || std::getenv("OMP_NUM_THREADS") != nullptr;
  world.agree([&] { layout.threads = choose_threads(threads, layout.ranks_on_machine); });
  // The ranks share out their work in equal parts, so they are to be equally strong.
  layout.threads = static_cast<int>(-world.maximum(-std::int64_t{layout.threads}));
  world.agree([&] { use_threads(layout.threads); });
  return layout;
}

namespace {

void print_layout(const Layout& layout, const char* arithmetic) {
  say("rbmpi {}\n", version());
  say("  layout      {}, {}, {} each ({})\n", plural(layout.nodes, layout.simulated_nodes ? "simulated node" : "node"),
      plural(layout.ranks, "rank"), plural(layout.threads, "thread"), MpiEnvironment::library_version());
  say("  kernels     {} ({}), {}; {} arithmetic\n", blas_version(), blas_kernel(), simd_target(), arithmetic);
}

const char* parameters_text(const Layout& layout, Exchange exchange) {
  return layout.ranks == 1                                            ? "one rank has the parameters"
         : exchange == Exchange::allreduce || layout.node.size() == 1 ? "each rank has a copy of the parameters"
                                                                      : "the ranks of a node share the parameters";
}

void print_exchange(const Layout& layout, Exchange exchange, std::size_t pieces) {
  const std::string text = exchange_text(layout, exchange, pieces);
  if (!text.empty()) say("  exchange    {}\n", text);
}

}  // namespace

std::string exchange_text(const Layout& layout, Exchange exchange, std::size_t pieces) {
  const bool copies = exchange == Exchange::allreduce;
  if (layout.ranks == 1 || (layout.nodes == 1 && !copies)) return {};
  const std::string who = copies ? plural(layout.ranks, "rank") : plural(layout.nodes, "node");
  if (pieces == 0) return who + ": MPI_Allreduce";
  const std::string in_pieces = plural(pieces, "piece");
  if (!layout.iallreduce_setting.empty()) {
    return fmt::format("{}: MPI_Iallreduce, as set by {}, {}", who, layout.iallreduce_setting, in_pieces);
  }
  const std::vector<int> stages = sum_stages(layout.nodes);
  return fmt::format("{}: messages in {} of {}, {}", who, plural(stages.size(), "stage"), fmt::join(stages, " x "),
                     in_pieces);
}

void print_heading(const Layout& layout, const TrainingOptions& options, std::size_t pieces) {
  print_layout(layout, options.arithmetic == Arithmetic::exact ? "exact" : "plain");
  say("  engine      {}; {}\n",
      engine_in_use(options) == Engine::active ? "active (sums over the units that are on)" : "blas (matrix products)",
      parameters_text(layout, options.exchange));
  print_exchange(layout, options.exchange, pieces);
}

void print_net_heading(const Layout& layout, Exchange exchange, std::size_t pieces) {
  print_layout(layout, "plain");
  say("  engine      back-propagation (matrix products); {}\n", parameters_text(layout, exchange));
  print_exchange(layout, exchange, pieces);
}

void print_note_on_cores(const Layout& layout) {
  const int used = layout.threads * layout.ranks_on_machine;
  if (layout.threads > usable_cores()) {
    say("  note        {} on {} that this rank may use; under mpirun, --bind-to none gives it all\n",
        plural(layout.threads, "thread"), plural(usable_cores(), "core"));
  } else if (used > machine_cores()) {
    say("  note        {} on {}: they wait for each other\n", plural(used, "thread"), plural(machine_cores(), "core"));
  } else if (used < machine_cores() && !layout.chosen_threads) {
    say("  note        {} of {} cores are in use; start more ranks, or use --bind-to none\n", used, machine_cores());
  }
}

}  // namespace rbmpi
