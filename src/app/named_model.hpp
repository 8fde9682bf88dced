#pragma once

#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/named_model.hpp"

namespace rbmpi {

/// Collective. The only layer of the root's model (that of the others has none yet), on every rank. Throws an
/// AgreedError(Failure::file) if there are more of them.
[[nodiscard]] Rbm only_layer(const NamedModel& named, const Communicator& world);

}  // namespace rbmpi
