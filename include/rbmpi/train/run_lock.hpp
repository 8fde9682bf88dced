#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>

#include "rbmpi/core/system.hpp"

namespace rbmpi {

/// Keeps a run folder for one job: a lock of the system (flock) on a file that says who has it. The system gives up the
/// lock of a process that dies, however it dies, so a lock file that nobody holds is that of a dead job. Move-only;
/// released by the destructor. Processes that are forked meanwhile hold it too, until they end: one that a dead job
/// left behind to finish its last checkpoint is waited for.
class RunLock {
 public:
  RunLock() noexcept = default;
  /// Local. Waits as long as `patience` for a living job that has the lock, and for the child of a dead one as long as
  /// it takes; for whom is told to `warn`. Throws Error(Failure::file) if a living job still has it then, with its
  /// host, process and since when; or if the file cannot be made, or is a link; and Error(Failure::interrupted) if this
  /// process is asked to stop while it waits. A process of another host, PID namespace (container) or start of the
  /// machine is believed to live. On file systems without locks nothing is waited for.
  explicit RunLock(const std::filesystem::path& file, std::chrono::milliseconds patience = {},
                   const std::function<void(const std::string&)>& warn = {});
  ~RunLock();
  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&& other) noexcept;
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  /// Who had the lock and died with it: "host a, process 123, since ..."; empty if nobody.
  [[nodiscard]] const std::string& dead_owner() const noexcept { return dead_owner_; }

 private:
  std::filesystem::path file_;
  Descriptor descriptor_;
  std::string dead_owner_;
};

}  // namespace rbmpi
