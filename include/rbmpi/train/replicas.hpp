#pragma once

#include <span>

#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// Collective over `world`, in which `node` are the ranks that share their parameters with this one. Throws an
/// AgreedError(Failure::other) that names a rank whose node has other parameters, other memory of the optimizer, or
/// other `arrays` of those that are not shared out, than that of rank 0. Nodes make the same updates and never send
/// each other their parameters, so one with broken memory, or with another build of the program, would silently go its
/// own way.
void check_replicas(const TrainingState& state, std::span<const StateArray> arrays, const Communicator& world,
                    const Communicator& node);

}  // namespace rbmpi
