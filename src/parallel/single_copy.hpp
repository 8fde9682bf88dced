#pragma once

namespace rbmpi {

/// Local, before MPI_Init. Open MPI's ranks of a node copy large messages out of each other's memory, where it believes
/// that they may. Containers often forbid it (process_vm_readv), and then each message begins with an error that Open
/// MPI prints. So it is tried on a child process first, and if it fails, Open MPI is told not to, unless the user has
/// told it.
void choose_single_copy();

/// Local. Whether this process may read the memory of a child of its own.
[[nodiscard]] bool may_read_child();

}  // namespace rbmpi
