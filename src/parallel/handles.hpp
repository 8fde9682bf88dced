#pragma once

#include <cstddef>
#include <memory>

#include <mpi.h>
#include <sys/mman.h>

#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

struct Communicator::Handle {
  MPI_Comm communicator = MPI_COMM_NULL;
};

struct Unmap {
  std::size_t bytes = 0;
  void operator()(std::byte* memory) const noexcept { munmap(memory, bytes); }
};
/// Memory that this process shares with nobody but its own children.
using Mapping = std::unique_ptr<std::byte, Unmap>;

struct SharedWindow::Handle {
  MPI_Win window = MPI_WIN_NULL;
  MPI_Comm node = MPI_COMM_NULL;  // not owned: the Communicator outlives its windows
  Mapping own_mapping;            // instead of a window, for a process alone
};

}  // namespace rbmpi
