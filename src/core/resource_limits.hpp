#pragma once

#include <cstdint>

namespace rbmpi {

// Limits that a child process gives itself. All of it is Local.

/// As RLIMIT_DATA, within its hard limit.
void limit_data(std::uint64_t bytes) noexcept;

/// The process is ended (SIGXCPU) when it has taken this time more, unless `renew_processor_time` comes before that.
void limit_processor_time(unsigned seconds) noexcept;
/// In a process with such a limit: its time begins anew, with `more` seconds besides.
void renew_processor_time(double more) noexcept;

}  // namespace rbmpi
