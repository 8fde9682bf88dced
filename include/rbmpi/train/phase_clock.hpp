#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace rbmpi {

/// What the time of a training run goes into.
enum class TimePhase : std::size_t { input, sampling, products, exchange, update, validation, checkpoint, output };

/// Names in the order of TimePhase.
inline constexpr std::array<std::string_view, 8> time_phase_names = {"input",  "sampling",   "products",   "exchange",
                                                                     "update", "validation", "checkpoint", "output"};

/// Seconds of each phase.
using TimeSplit = std::array<double, time_phase_names.size()>;

/// A stopwatch with one counter per phase. Local.
class PhaseClock {
 public:
  PhaseClock() : last_(Clock::now()) {}

  /// Books the time since the last call, or since `restart`, under `phase`.
  void lap(TimePhase phase) {
    const Clock::time_point now = Clock::now();
    split_[static_cast<std::size_t>(phase)] += std::chrono::duration<double>(now - last_).count();
    last_ = now;
  }
  /// The time since the last call is nobody's.
  void restart() { last_ = Clock::now(); }

  [[nodiscard]] const TimeSplit& split() const noexcept { return split_; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point last_;
  TimeSplit split_{};
};

}  // namespace rbmpi
