#pragma once

#include <cstdint>
#include <functional>

#include "rbmpi/evaluate/gibbs_chains.hpp"

namespace rbmpi {

/// Collective. As run_gibbs_chains, but `look` is called on all ranks, together, each with the record of all chains; it
/// may communicate. `chain_bytes`: what it needs on each rank for each chain.
void for_chain_records(RbmView<const Real> rbm, const ChainStart& start, const GibbsSettings& settings,
                       std::uint64_t chain_bytes, const Communicator& world,
                       const std::function<void(const ChainRecord&)>& look, const ProgressReport& progress);

}  // namespace rbmpi
