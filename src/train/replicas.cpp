#include "rbmpi/train/replicas.hpp"

#include <fmt/format.h>

#include "rbmpi/core/checksum.hpp"
#include "rbmpi/core/liveness.hpp"

namespace rbmpi {

void check_replicas(const TrainingState& state, const Communicator& world) {
  if (world.size() == 1) return;
  now_doing("comparing the parameters of the ranks");
  Checksum mine = checksum(std::as_bytes(state.rbm.parameters()));
  for (const OptimizerMemory& memory : state.optimizer) mine = checksum(std::as_bytes(memory.values), mine);
  Checksum of_root = mine;
  world.broadcast(std::as_writable_bytes(std::span(of_root)));
  world.agree([&] {
    if (mine == of_root) return;
    throw Error(
        Failure::other,
        fmt::format("rank {} has other parameters than rank 0 in epoch {} after step {}: the memory or processor "
                    "of one of them is faulty, or it runs another build of this program",
                    world.rank(), state.progress.epoch, state.progress.steps));
  });
}

}  // namespace rbmpi
