#pragma once

#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// How ranks work together in training. The ranks of a `node` share one copy of the parameters, of which each updates a
/// share; `peers` are the ranks that have the same share on all nodes. Every rank is a node of its own where nothing is
/// shared.
struct RankLayout {
  Communicator node;
  Communicator peers;
  int node_index = 0;                       ///< of the node, from 0 to peers.size() - 1
  Exchange exchange = Exchange::allreduce;  ///< never automatic
};

/// Collective. Throws an AgreedError(Failure::usage) if Exchange::shared is wanted where nodes have unequal numbers of
/// ranks.
[[nodiscard]] RankLayout arrange_ranks(const Communicator& world, Exchange exchange, int ranks_per_node);

}  // namespace rbmpi
