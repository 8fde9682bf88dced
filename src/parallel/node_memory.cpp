#include "rbmpi/parallel/node_memory.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstdint>
#include <limits>
#include <new>
#include <utility>

#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t alignment = 64;

/// Whoever waits here spins for a short time, which is all it takes where each rank has a core, and then sleeps: where
/// ranks share cores, those that still compute get them. (MPI_Barrier polls for ever.)
void pause_processor() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) {
  // Not std::atomic::wait, which is for the threads of one process.
  return syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
}

}  // namespace

/// At the front of the block.
struct NodeMemory::Barrier {
  alignas(alignment) std::atomic<std::uint32_t> arrived{0};
  std::atomic<std::uint32_t> sleeping{0};
  alignas(alignment) std::atomic<std::uint32_t> round{0};

  void wait(std::uint32_t ranks) {
    const std::uint32_t this_round = round.load(std::memory_order_acquire);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == ranks) {
      arrived.store(0, std::memory_order_relaxed);
      round.store(this_round + 1);  // sequentially consistent, as the sleepers' look at it
      if (sleeping.load() > 0) futex(round, FUTEX_WAKE, std::numeric_limits<int>::max());
      return;
    }
    constexpr int spins = 2000;
    for (int i = 0; i < spins; ++i) {
      if (round.load(std::memory_order_acquire) != this_round) return;
      pause_processor();
    }
    const WaitingForOthers waiting;
    sleeping.fetch_add(1);
    while (round.load() == this_round) futex(round, FUTEX_WAIT, this_round);
    sleeping.fetch_sub(1);
  }
};

static_assert(std::atomic<std::uint32_t>::is_always_lock_free, "processes share them");

bool NodeMemory::fits(const Communicator& world, const Communicator& node, std::size_t bytes) {
  return SharedWindow::fits(world, node, bytes + sizeof(Barrier) + alignment);
}

NodeMemory::NodeMemory(const Communicator& node, std::size_t bytes) {
  bytes = whole_lines<std::byte>(bytes);  // as arrays are
  if (node.size() == 1) {
    node.agree([&] { own_ = AlignedBuffer<std::byte>(bytes); });
    block_ = own_.span();
    return;
  }
  if (!fits(node, node, bytes)) {  // Open MPI would wait for ever
    throw AgreedError(Failure::other, fmt::format("training needs {} of memory that the ranks of a node share, but "
                                                  "/dev/shm has {}; exchange = allreduce does without",
                                                  human_bytes(bytes), human_bytes(available_shared_memory())));
  }
  // The alignment of a window is not promised.
  window_ = SharedWindow(node, bytes + sizeof(Barrier) + alignment);
  ranks_ = static_cast<std::uint32_t>(node.size());
  const auto address = reinterpret_cast<std::size_t>(window_.bytes().data());
  block_ = window_.bytes().subspan((alignment - address % alignment) % alignment, bytes + sizeof(Barrier));
  barrier_ = reinterpret_cast<Barrier*>(block_.data());
  if (node.is_root()) new (barrier_) Barrier;
  block_ = block_.subspan(sizeof(Barrier));
  // Each rank touches a part first, so that the memory is not all next to one processor.
  const auto [rank, ranks] = std::pair(static_cast<std::size_t>(node.rank()), static_cast<std::size_t>(node.size()));
  std::ranges::fill(block_.subspan(rank * bytes / ranks, (rank + 1) * bytes / ranks - rank * bytes / ranks),
                    std::byte{0});
  window_.synchronise();
}

std::byte* NodeMemory::reserve(std::size_t bytes) {
  const std::size_t first = taken_;
  taken_ += whole_lines<std::byte>(bytes);
  if (block_.empty()) return nullptr;
  assert(taken_ <= block_.size());
  return block_.data() + first;
}

void NodeMemory::synchronise() const {
  if (barrier_ != nullptr) barrier_->wait(ranks_);
}

void NodeMemory::release() {
  window_.release();
  barrier_ = nullptr;
  own_ = {};
  block_ = {};
}

}  // namespace rbmpi
