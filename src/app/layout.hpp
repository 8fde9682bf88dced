#pragma once

#include <cstddef>
#include <string>

#include "app/environment.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// How the ranks lie on the machines.
struct Layout {
  Communicator node;  ///< the ranks that share memory (or a simulated node of them)
  int nodes = 1;
  bool equal_nodes = true;  ///< as many ranks on each: only then can they share parameters
  bool simulated_nodes = false;
  int ranks = 1;
  int ranks_on_machine = 1;  ///< of this rank's real node
  bool has_root = true;      ///< whether rank 0 is on this node
  int threads = 1;
  bool chosen_threads = false;       ///< by the user, not by the number of cores
  bool shared_places = false;        ///< OpenMP binds threads of several ranks of this machine to the same core
  std::string iallreduce_setting{};  ///< the user's word to MPI on sums between nodes (parallel/sums_under_way.hpp)
};

/// Collective. Finds the layout and sets the threads of this rank: `threads`, or if that is 0, what the environment or
/// the cores suggest. With ranks_per_node > 0 nodes are simulated. Throws an AgreedError for threads that cannot be.
[[nodiscard]] Layout arrange(const Communicator& world, int threads, int ranks_per_node);

/// How gradients are summed, in words; empty where nothing is exchanged. `pieces` is `exchange_pieces`
/// (train/optimize.hpp).
[[nodiscard]] std::string exchange_text(const Layout& layout, Exchange exchange, std::size_t pieces);

/// The first lines of what a command prints: program, layout, kernels, engine and exchange.
void print_heading(const Layout& layout, const TrainingOptions& options, std::size_t pieces);
/// The same of a command that trains a net.
void print_net_heading(const Layout& layout, Exchange exchange, std::size_t pieces);
/// What differs from a step of CD-1, if anything does.
void print_estimator(const TrainingOptions& training);
/// A word on threads that share a core and, if the user did not say how many threads there should be, on idle cores.
void print_note_on_cores(const Layout& layout);

/// Local. The threads that a value of OMP_NUM_THREADS asks for. Throws Error(Failure::usage) if that is no number.
[[nodiscard]] int threads_of_variable(const std::string& text);

/// Local. How a rank gets the cores that it may not use.
[[nodiscard]] std::string advice_on_cores(CoreBound bound, const Environment& environment);

}  // namespace rbmpi
