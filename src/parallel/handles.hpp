#pragma once

#include <memory>

#include <mpi.h>

#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

struct Communicator::Handle {
  MPI_Comm communicator = MPI_COMM_NULL;
};

struct SharedWindow::Handle {
  MPI_Win window = MPI_WIN_NULL;
  MPI_Comm node = MPI_COMM_NULL;                // not owned: the Communicator outlives its windows
  std::unique_ptr<std::byte[]> private_memory;  // instead of a window, for a process alone
};

}  // namespace rbmpi
