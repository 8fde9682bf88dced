#include "rbmpi/core/liveness.hpp"

#include <atomic>
#include <new>

#include <sys/mman.h>

#include "core/resource_limits.hpp"

namespace rbmpi {
namespace {

struct Life {
  std::atomic<const char*> doing{SignsOfLife{}.doing};
  std::atomic<std::uint64_t> beats{0};
  std::atomic<bool> waiting{false};
};
static_assert(std::atomic<const char*>::is_always_lock_free && std::atomic<std::uint64_t>::is_always_lock_free &&
                  std::atomic<bool>::is_always_lock_free,
              "processes share them");

/// In memory that a child process shares: while the main thread waits for its child, the child's life is what counts.
Life& life() noexcept {
  static Life& shared = []() -> Life& {
    static Life own;
    void* const page = ::mmap(nullptr, sizeof(Life), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? own : *new (page) Life;
  }();
  return shared;
}

void beat(double seconds = 0) noexcept {
  life().beats.fetch_add(1, std::memory_order_relaxed);
  renew_processor_time(seconds);
}

}  // namespace

void now_doing(const char* what) noexcept {
  life().doing.store(what, std::memory_order_relaxed);
  beat();
}

void still_at_work(double seconds) noexcept {
  beat(seconds);
}

WaitingForOthers::WaitingForOthers() noexcept {
  life().waiting.store(true, std::memory_order_relaxed);
  beat();
}

WaitingForOthers::~WaitingForOthers() {
  life().waiting.store(false, std::memory_order_relaxed);
  beat();
}

SignsOfLife signs_of_life() noexcept {
  return {.doing = life().doing.load(std::memory_order_relaxed),
          .beats = life().beats.load(std::memory_order_relaxed),
          .waiting = life().waiting.load(std::memory_order_relaxed)};
}

}  // namespace rbmpi
