#pragma once

#include <optional>
#include <string>

#include "app/environment.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// Local. Runs before the libraries of the program begin, from its `.preinit_array`. They read their settings when they
/// are loaded, so the program starts itself anew, once, with those of `environment_for_libraries`. Then it ends, with
/// one line and exit code 1, if it may not have the memory that the libraries take: OpenBLAS would ask for it for ever.
/// So it ends if files may not be as long as MPI's own (ulimit -f): MPI_Init would die of that.
void before_libraries(int argc, char** argv, char** variables);

/// Local. For the begin of `main`: the environment is again that of the user.
void restore_environment();

/// The environment that the libraries are to be loaded in.
///
/// - Threads of OpenMP that wait for each other spin for milliseconds before they sleep. Where ranks or other programs
///   share the cores, that takes the time of those who are waited for: a training can become a hundred times slower. So
///   they spin for a short time, unless the user has said how threads should wait.
/// - OpenBLAS takes 128 MiB of address space for each thread that OMP_NUM_THREADS or the cores suggest, whether or not
///   there is anything to multiply. It gets one; `use_threads` says how many are wanted.
[[nodiscard]] Environment environment_for_libraries(Environment environment);

/// What is wrong with a process that a launcher started as one of several, and that is alone for MPI: the launcher
/// belongs to another MPI than this program. Nothing if all is well. `size`: the ranks that MPI knows.
[[nodiscard]] std::optional<std::string> singleton_problem(const std::optional<Launch>& launch, int size);

/// Collective. Whether a command may run: not one that `writes`, if there is a `singleton_problem`, for all of them
/// would write the same. One of them says so.
[[nodiscard]] bool may_run(bool writes, const Communicator& world);

}  // namespace rbmpi
