#include "rbmpi/core/interruption.hpp"

#include <atomic>
#include <csignal>
#include <string>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"

namespace rbmpi {
namespace {

std::atomic<int> signal_received{0};
std::atomic<bool> interrupted{false};
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
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    // What was ignored when the program began, as under nohup, stays ignored.
    if (std::signal(signal, on_signal) == SIG_IGN) std::signal(signal, SIG_IGN);
  }
}

bool stop_requested() noexcept {
  return stop_signal() != 0;
}

int stop_signal() noexcept {
  return signal_received.load(std::memory_order_relaxed);
}

void throw_if_stopped(const char* doing) {
  now_doing(doing);
  if (stop_requested()) throw Error(Failure::interrupted, std::string("stopped by a signal while ") + doing);
}

}  // namespace rbmpi
