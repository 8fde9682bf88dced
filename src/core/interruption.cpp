#include "rbmpi/core/interruption.hpp"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <limits>
#include <string>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"

namespace rbmpi {
namespace {

std::atomic<int> signal_received{0};
std::atomic<bool> interrupted{false};
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
std::atomic<std::int64_t> deadline{never};  // nanoseconds of the steady clock

std::int64_t nanoseconds(std::chrono::steady_clock::time_point time) noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "a signal handler may touch nothing else");

void on_signal(int signal) {
  if (signal == SIGINT && interrupted.exchange(true)) {
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);
  }
  signal_received.store(signal);
}

}  // namespace

void stop_on_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU}) {
    // What was ignored when the program began, as under nohup, stays ignored.
    if (std::signal(signal, on_signal) == SIG_IGN) std::signal(signal, SIG_IGN);
  }
  std::signal(SIGXFSZ, SIG_IGN);  // so that a write beyond the limit fails as one to a full disk does
}

void stop_at(std::chrono::steady_clock::time_point time) noexcept {
  deadline.store(nanoseconds(time));
}

void stop_at_no_time() noexcept {
  deadline.store(never);
}

bool stop_requested() noexcept {
  if (stop_signal() != 0) return true;
  const std::int64_t end = deadline.load(std::memory_order_relaxed);
  return end != never && nanoseconds(std::chrono::steady_clock::now()) >= end;
}

int stop_signal() noexcept {
  return signal_received.load(std::memory_order_relaxed);
}

void throw_if_stopped(const char* doing) {
  now_doing(doing);
  if (!stop_requested()) return;
  throw Error(
      Failure::interrupted,
      std::string(stop_signal() != 0 ? "stopped by a signal" : "stopped by its time limit") + " while " + doing);
}

}  // namespace rbmpi
