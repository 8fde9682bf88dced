#pragma once

#include <string>

namespace rbmpi {

/// Local, in any thread, whatever the main thread is stuck in. Prints the message, if there is one, and ends the job.
[[noreturn]] void end_hanging_job(const std::string& message) noexcept;

}  // namespace rbmpi
