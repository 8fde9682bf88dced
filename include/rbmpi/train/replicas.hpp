#pragma once

#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// Collective. Throws an AgreedError(Failure::other) that names a rank whose parameters, or whose optimizer's memory,
/// differ from those of rank 0. The ranks make the same updates and never send each other their parameters, so a rank
/// with broken memory, or with another build of the program, would silently go its own way.
void check_replicas(const TrainingState& state, const Communicator& world);

}  // namespace rbmpi
