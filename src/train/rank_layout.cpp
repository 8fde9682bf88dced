#include "rbmpi/train/rank_layout.hpp"

#include <fmt/format.h>

namespace rbmpi {

RankLayout arrange_ranks(const Communicator& world, Exchange exchange, int ranks_per_node) {
  if (exchange != Exchange::allreduce) {
    Communicator node = world.split_by_node(ranks_per_node);
    const std::int64_t most = world.maximum(node.size());
    const std::int64_t fewest = -world.maximum(-std::int64_t{node.size()});
    if (most == fewest) {
      Communicator peers = world.split(node.rank());
      return {.node = std::move(node), .peers = std::move(peers)};
    }
    if (exchange == Exchange::shared) {
      throw AgreedError(Failure::usage,
                        fmt::format("exchange = shared: all nodes must have equally many ranks, but there are {} to "
                                    "{}; allreduce takes any layout",
                                    fewest, most));
    }
  }
  return {.node = world.split(world.rank()), .peers = world.split(0)};
}

}  // namespace rbmpi
