#pragma once

#include <cstddef>
#include <vector>

namespace rbmpi {

/// What keeps a process from cores of its machine: its affinity mask, which mpirun and srun set; the places that OpenMP
/// is told to bind threads to; the share of time that its control group grants.
enum class CoreBound { none, affinity, places, quota };

struct UsableCores {
  int count = 1;
  CoreBound bound = CoreBound::none;  ///< the tightest
};

/// Local. Cores that this process may use, and all cores of the machine that are online.
[[nodiscard]] UsableCores usable_cores();
[[nodiscard]] int machine_cores();

/// Local. The numbers of the cores that OpenMP binds threads to, in ascending order; empty if it binds none.
[[nodiscard]] std::vector<int> cores_of_places();

/// Local. From now on the loops and products of this process run on `threads` threads (OpenMP's and OpenBLAS's).
/// Verifies it, by counting the threads of a parallel region and asking OpenBLAS, and throws Error(Failure::usage) if
/// the system gives another number, Error(Failure::other) if the limits on memory have no room for them.
void use_threads(int threads);

/// Local. The number given to `use_threads`.
[[nodiscard]] int threads_in_use() noexcept;

/// Local. Calls body(i) for i in [0, count), shared out over the threads in equal contiguous parts. `body` must not
/// throw, and must not care which thread calls it.
template <typename Body>
void parallel_for(std::size_t count, const Body& body) {
  if (threads_in_use() == 1) {  // a parallel region of one thread would allocate, each time
    for (std::size_t i = 0; i < count; ++i) body(i);
    return;
  }
#pragma omp parallel for schedule(static)
  for (std::size_t i = 0; i < count; ++i) body(i);
}

/// Local. Calls body(first, last) for equal contiguous pieces of [0, count), one for each thread.
template <typename Body>
void parallel_pieces(std::size_t count, const Body& body) {
  const auto pieces = static_cast<std::size_t>(threads_in_use());
  parallel_for(pieces, [&](std::size_t piece) { body(piece * count / pieces, (piece + 1) * count / pieces); });
}

}  // namespace rbmpi
