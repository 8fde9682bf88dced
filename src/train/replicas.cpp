#include "rbmpi/train/replicas.hpp"

#include <fmt/format.h>

#include "rbmpi/core/checksum.hpp"
#include "rbmpi/core/liveness.hpp"

namespace rbmpi {

void check_replicas(const TrainingState& state, std::span<const StateArray> arrays, const Communicator& world,
                    const Communicator& node) {
  if (node.size() == world.size()) return;
  now_doing("comparing the parameters of the nodes");
  Checksum mine{};
  if (node.is_root()) {
    mine = checksum(std::as_bytes(state.parameters));
    for (const OptimizerMemory& memory : state.optimizer) mine = checksum(std::as_bytes(memory.values), mine);
    for (const StateArray& array : arrays) {
      if (!array.is_shared_out) mine = checksum(array.values, mine);
    }
  }
  node.broadcast(std::as_writable_bytes(std::span(mine)));
  Checksum of_root = mine;
  world.broadcast(std::as_writable_bytes(std::span(of_root)));
  world.agree([&] {
    if (mine == of_root) return;
    throw Error(Failure::other,
                fmt::format("rank {} has other {} than rank 0 in epoch {} after step {}: the memory or processor "
                            "of one of them is faulty, or it runs another build of this program",
                            world.rank(), arrays.empty() ? "parameters" : "parameters or state", state.progress.epoch,
                            state.progress.steps));
  });
}

}  // namespace rbmpi
