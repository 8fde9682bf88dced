#pragma once

#include <functional>
#include <span>

#include "rbmpi/core/progress_report.hpp"
#include "rbmpi/evaluate/gibbs_chains.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// Collective. Samples of a stack of RBMs, `layers`, lowest first, as a deep belief net has them (Hinton, Osindero and
/// Teh 2006): Gibbs chains in the highest layer, which are those of run_gibbs_chains, bit for bit, with this start,
/// whose rows are of its visible units; and, each time that they are looked at, from its v down through the layers
/// below as h, each v ~ p(v | h) drawn, with weights rounded as for chains of that layer. Visible units of the highest
/// layer beyond the hidden ones of the layer below, which stand for labels, end there. What is drawn on the way down
/// leaves the chains as they are. The records are of the visible units of the lowest layer: the states that were drawn,
/// and, if wanted, the probabilities that they were drawn with, also at the start. They depend on seed, layer, chain,
/// step and unit alone, so they are the same bit for bit on any number of ranks and threads. Of a single layer:
/// run_gibbs_chains. Throws what that throws, and an AgreedError(Failure::usage) if layers do not fit together.
void sample_stack(std::span<const RbmView<const Real>> layers, const ChainStart& start, const GibbsSettings& settings,
                  const Communicator& world, const std::function<void(const ChainRecord&)>& take,
                  const ProgressReport& progress = {});

}  // namespace rbmpi
