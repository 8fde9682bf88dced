#include "rbmpi/parallel/shared_window.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <utility>

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "parallel/memory_file.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t alignment = 64;

/// Whoever waits here spins for a short time, which is all it takes where each rank has a core, and then sleeps. Where
/// ranks share cores it sleeps at once: those that still compute get them. (MPI_Barrier polls for ever.)
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

/// Of a file, or of none if the number is negative.
std::unique_ptr<std::byte, Unmap> map_memory(std::size_t bytes, int file) {
  void* const memory =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | (file < 0 ? MAP_ANONYMOUS : 0), file, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return {static_cast<std::byte*>(memory), {bytes}};
}

}  // namespace

struct SharedWindow::Barrier {
  alignas(alignment) std::atomic<std::uint32_t> arrived{0};
  std::atomic<std::uint32_t> sleeping{0};
  std::uint32_t ranks = 1;
  int spins = 2000;
  alignas(alignment) std::atomic<std::uint32_t> round{0};

  void wait() {
    const std::uint32_t this_round = round.load(std::memory_order_acquire);
    if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == ranks) {
      arrived.store(0, std::memory_order_relaxed);
      round.store(this_round + 1);  // sequentially consistent, as the sleepers' look at it
      if (sleeping.load() > 0) futex(round, FUTEX_WAKE, std::numeric_limits<int>::max());
      return;
    }
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

void Unmap::operator()(std::byte* memory) const noexcept {
  munmap(memory, bytes);
}

SharedWindow::SharedWindow(const Communicator& node, std::size_t bytes, const std::string& what) {
  if (node.size() == 1) {
    // Shared with its own children, who read files for it. Kernels before 5.14 cannot claim it.
    node.agree([&] {
      mapping_ = map_memory(std::max<std::size_t>(1, bytes), -1);
      const int error = claim(0, bytes, 1, [&](std::uint64_t first, std::uint64_t some) {
        return madvise(mapping_.get() + first, some, MADV_POPULATE_WRITE) == 0 || errno == EINVAL ? 0 : errno;
      });
      throw_if_refused(error, MemoryFileKind::unnamed, bytes, what);
    });
    bytes_ = {mapping_.get(), bytes};
    return;
  }
  const std::size_t length = sizeof(Barrier) + bytes;
  const Descriptor file = share_memory_file(node, length, what);
  node.agree([&] { mapping_ = map_memory(length, file.number()); });
  barrier_ = reinterpret_cast<Barrier*>(mapping_.get());
  if (node.is_root()) {
    new (barrier_) Barrier;
    barrier_->ranks = static_cast<std::uint32_t>(node.size());
    if (node.size() > machine_cores()) barrier_->spins = 0;
  }
  bytes_ = {mapping_.get() + sizeof(Barrier), bytes};
  node.barrier();
}

SharedWindow SharedWindow::on_every_node(const Communicator& world, const Communicator& node, std::size_t bytes,
                                         const std::string& what) {
  SharedWindow window;
  // All ranks of a node throw, or none.
  world.agree([&] { window = SharedWindow(node, bytes, what); });
  return window;
}

SharedWindow::SharedWindow(SharedWindow&& other) noexcept
    : mapping_(std::move(other.mapping_)),
      barrier_(std::exchange(other.barrier_, nullptr)),
      bytes_(std::exchange(other.bytes_, {})) {}

SharedWindow& SharedWindow::operator=(SharedWindow&& other) noexcept {
  mapping_ = std::move(other.mapping_);
  barrier_ = std::exchange(other.barrier_, nullptr);
  bytes_ = std::exchange(other.bytes_, {});
  return *this;
}

void SharedWindow::synchronise() const {
  if (barrier_ != nullptr) barrier_->wait();
}

}  // namespace rbmpi
