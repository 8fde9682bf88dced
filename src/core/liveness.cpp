#include "rbmpi/core/liveness.hpp"

#include <atomic>

namespace rbmpi {
namespace {

std::atomic<const char*> doing_now{SignsOfLife{}.doing};
std::atomic<std::uint64_t> beats_so_far{0};
std::atomic<bool> waiting_now{false};

void beat() noexcept {
  beats_so_far.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

void now_doing(const char* what) noexcept {
  doing_now.store(what, std::memory_order_relaxed);
  beat();
}

WaitingForOthers::WaitingForOthers() noexcept {
  waiting_now.store(true, std::memory_order_relaxed);
  beat();
}

WaitingForOthers::~WaitingForOthers() {
  waiting_now.store(false, std::memory_order_relaxed);
  beat();
}

SignsOfLife signs_of_life() noexcept {
  return {.doing = doing_now.load(std::memory_order_relaxed),
          .beats = beats_so_far.load(std::memory_order_relaxed),
          .waiting = waiting_now.load(std::memory_order_relaxed)};
}

}  // namespace rbmpi
