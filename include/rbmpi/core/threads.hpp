#pragma once

#include <cstddef>

namespace rbmpi {

/// Local. Cores that this process may use (its affinity mask, which mpirun's binding sets, and the control group's
/// share), and all cores of the machine that are online.
[[nodiscard]] int usable_cores();
[[nodiscard]] int machine_cores();

/// Local. From now on the loops and products of this process run on `threads` threads (OpenMP's and OpenBLAS's).
/// Verifies it, by counting the threads of a parallel region and asking OpenBLAS, and throws Error(Failure::usage) if
/// the system gives another number.
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
