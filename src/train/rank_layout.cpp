#include "rbmpi/train/rank_layout.hpp"

#include <span>
#include <utility>

#include <fmt/format.h>

namespace rbmpi {

RankLayout arrange_ranks(const Communicator& world, Exchange exchange, int ranks_per_node) {
  if (exchange != Exchange::allreduce) {
    Communicator node = world.split_by_node(ranks_per_node);
    const std::int64_t most = world.maximum(node.size());
    const std::int64_t fewest = -world.maximum(-std::int64_t{node.size()});
    if (most == fewest) {
      Communicator peers = world.split(node.rank());
      // The ranks of a node need not have the same place among their peers.
      std::int64_t index = peers.rank();
      node.broadcast(std::as_writable_bytes(std::span(&index, 1)));
      return {.node = std::move(node),
              .peers = std::move(peers),
              .node_index = static_cast<int>(index),
              .exchange = Exchange::shared};
    }
    if (exchange == Exchange::shared) {
      throw AgreedError(Failure::usage,
                        fmt::format("exchange = shared: all nodes must have equally many ranks, but there are {} to "
                                    "{}; allreduce takes any layout",
                                    fewest, most));
    }
  }
  return {.node = world.split(world.rank()), .peers = world.split(0), .node_index = world.rank()};
}

}  // namespace rbmpi
