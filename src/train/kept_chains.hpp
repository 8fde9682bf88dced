#pragma once

#include <span>

#include "rbmpi/model/chain_states.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// Local. The v of persistent chains among what a training of a machine remembers, all rows of it
/// (PersistentChains::state); none if there is no such array, or one of this name that is something else, of an
/// estimator of one's own.
[[nodiscard]] ChainStates kept_chains(std::span<const SavedState::Array> arrays, RbmShape shape);
[[nodiscard]] ChainStates kept_chains(std::span<const StateArray> arrays, RbmShape shape);

/// Local. Whether an array has v of chains of a machine: bits, a row a chain, shared out over the nodes.
[[nodiscard]] bool has_visible_states(const StateArray& array, RbmShape shape) noexcept;

}  // namespace rbmpi
