#pragma once

#include <mpi.h>

#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

struct Communicator::Handle {
  MPI_Comm communicator = MPI_COMM_NULL;
};

}  // namespace rbmpi
