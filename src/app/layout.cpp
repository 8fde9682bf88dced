#include "app/layout.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/terminal.hpp"
#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/version.hpp"
#include "rbmpi/parallel/sums_under_way.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {
namespace {

constexpr const char* threads_variable = "OMP_NUM_THREADS";

/// The number of threads that was asked for, or that the environment or the cores suggest.
int choose_threads(int wanted, const std::optional<std::string>& variable, int ranks_on_machine) {
  const int most = std::max(8, 4 * machine_cores());
  if (wanted > most) {
    throw Error(Failure::usage,
                fmt::format("threads = {}: this machine has {} cores; give at most {}", wanted, machine_cores(), most));
  }
  if (wanted > 0) return wanted;
  if (variable) return std::min(threads_of_variable(*variable), machine_cores());
  return std::max(1, std::min(usable_cores().count, machine_cores() / ranks_on_machine));
}

/// Collective over the ranks of a machine. Whether OpenMP binds threads of several of them to the same core.
bool share_places(const Communicator& machine) {
  const std::vector<int> cores = cores_of_places();
  std::vector<std::int64_t> ranks(static_cast<std::size_t>(machine.maximum(cores.empty() ? -1 : cores.back()) + 1));
  for (const int core : cores) ++ranks[static_cast<std::size_t>(core)];
  machine.sum(ranks);
  return std::ranges::any_of(ranks, [](std::int64_t count) { return count > 1; });
}

}  // namespace

int threads_of_variable(const std::string& text) {
  int threads = 0;  // of a list for nested regions, the first
  const auto [end, problem] =
      std::from_chars(text.data() + text.find_first_not_of(" \t"), text.data() + text.size(), threads);
  if (problem == std::errc::result_out_of_range) return std::numeric_limits<int>::max();
  const bool is_whole =
      end == text.data() + text.size() || std::string_view(" \t,").find(*end) != std::string_view::npos;
  if (problem == std::errc() && threads >= 1 && is_whole) return threads;
  throw Error(Failure::usage, fmt::format("{} = {}: must be a number of threads", threads_variable, text));
}

Layout arrange(const Communicator& world, int threads, int ranks_per_node) {
  Layout layout;
  layout.ranks = world.size();
  const Communicator machine = world.split_by_node(0);
  layout.ranks_on_machine = machine.size();
  layout.simulated_nodes = ranks_per_node > 0;
  layout.node = world.split_by_node(ranks_per_node);
  layout.has_root = layout.node.maximum(world.is_root() ? 1 : 0) > 0;
  std::int64_t first_ranks = layout.node.is_root() ? 1 : 0;
  world.sum(std::span(&first_ranks, 1));
  layout.nodes = static_cast<int>(first_ranks);
  layout.equal_nodes = world.maximum(layout.node.size()) == -world.maximum(-std::int64_t{layout.node.size()});
  layout.iallreduce_setting = iallreduce_setting(world);
  layout.shared_places = share_places(machine);
  const std::optional<std::string> variable = value_of(this_environment(), threads_variable);
  layout.chosen_threads = threads > 0 || variable;
  world.agree([&] { layout.threads = choose_threads(threads, variable, layout.ranks_on_machine); });
  const bool capped = threads == 0 && variable && threads_of_variable(*variable) > machine_cores();
  // The ranks share out their work in equal parts, so they are to be equally strong.
  layout.threads = static_cast<int>(-world.maximum(-std::int64_t{layout.threads}));
  if (world.maximum(capped ? 1 : 0) > 0 && world.is_root()) {
    warn(fmt::format("{} asks for more threads than there are cores; each rank takes {}", threads_variable,
                     layout.threads));
  }
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

void print_estimator(const TrainingOptions& training) {
  const std::uint64_t chains = persistent_chains(training);
  const bool is_centred = training.centring != CentringOffsets::off;
  if (chains == 0 && training.sweeps == 1 && !is_centred) return;
  say("  estimator   {}, {} a step{}{}\n", training.estimator, plural(training.sweeps, "sweep"),
      chains > 0 ? " of " + plural(chains, "persistent chain") : "", is_centred ? ", centred" : "");
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

std::string advice_on_cores(CoreBound bound, const Environment& environment) {
  std::string places;
  for (const char* name : {"OMP_PLACES", "GOMP_CPU_AFFINITY"}) {
    if (value_of(environment, name)) places += (places.empty() ? "" : " and ") + std::string(name);
  }
  // OMP_PROC_BIND alone makes its places of the cores that the affinity mask leaves.
  if (bound == CoreBound::places && !places.empty()) return fmt::format("without {} it has more", places);
  if (bound == CoreBound::quota) {
    return "a quota (of a container or of a batch system, the cpu.max of its control group) leaves it no more";
  }
  if (environment.contains("OMPI_COMM_WORLD_SIZE")) return "mpirun --bind-to none gives it all";
  if (environment.contains("SLURM_STEP_ID")) return "srun --cpus-per-task, or --cpu-bind=none, gives it more";
  return "its affinity mask (taskset) leaves it no more";
}

void print_note_on_cores(const Layout& layout) {
  const int used = layout.threads * layout.ranks_on_machine;
  const UsableCores usable = usable_cores();
  const auto advice = [&] { return advice_on_cores(usable.bound, this_environment()); };
  if (layout.shared_places) {
    say("  note        OpenMP binds threads of several ranks to the same core; unset OMP_PROC_BIND, OMP_PLACES and "
        "GOMP_CPU_AFFINITY\n");
  } else if (layout.threads > usable.count) {
    say("  note        {} on {} that this rank may use; {}\n", plural(layout.threads, "thread"),
        plural(usable.count, "core"), advice());
  } else if (used > machine_cores()) {
    say("  note        {} on {}: they wait for each other\n", plural(used, "thread"), plural(machine_cores(), "core"));
  } else if (used < machine_cores() && !layout.chosen_threads) {
    const bool bound = usable.count < machine_cores() / layout.ranks_on_machine;
    say("  note        {} of {} cores are in use; {}\n", used, machine_cores(),
        bound ? fmt::format("{}, or start more ranks", advice()) : "start more ranks");
  }
}

}  // namespace rbmpi
