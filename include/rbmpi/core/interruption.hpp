#pragma once

#include <chrono>

namespace rbmpi {

/// Local. From now on SIGINT, SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 (what batch systems send ahead of time) and SIGXCPU
/// (the soft limit on processor time) only ask this process to stop, so that a loop can leave in good order and no
/// half-written file stays behind. The second SIGINT ends the process at once. A file that grows beyond a limit
/// (SIGXFSZ) is an error of the write, EFBIG.
void stop_on_signals();

/// Local. From this time on the process is asked to stop as by a signal.
void stop_at(std::chrono::steady_clock::time_point time) noexcept;
/// Local. It no longer is, if it was not asked by a signal.
void stop_at_no_time() noexcept;

/// Local, cheap, safe in any thread. Whether a signal, or the time, asked this process to stop.
[[nodiscard]] bool stop_requested() noexcept;

/// Local. The number of the last signal that asked this process to stop; 0 if there was none.
[[nodiscard]] int stop_signal() noexcept;

/// Local. Throws Error(Failure::interrupted) if this process was asked to stop. `doing` completes "stopped
/// while ..." and, with static storage, is what the process is `now_doing`: a loop that asks shows that it is alive.
void throw_if_stopped(const char* doing);

}  // namespace rbmpi
