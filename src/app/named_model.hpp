#pragma once

#include <cstddef>
#include <vector>

#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/named_model.hpp"

namespace rbmpi {

/// Collective. The layers of the root's model (that of the others has none yet) up to one, on every rank: layer
/// `number`, from 1, or if it is 0 the only one. Throws an AgreedError: Failure::file for a net, Failure::usage if
/// there is no such layer, or none was named of several.
[[nodiscard]] std::vector<Rbm> layers_up_to(std::size_t number, const NamedModel& named, const Communicator& world);

}  // namespace rbmpi
