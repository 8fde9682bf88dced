#pragma once

#include <filesystem>
#include <string>

namespace rbmpi {

/// Keeps a run folder for one job: a lock of the system (flock) on a file that says who has it. The system gives up the
/// lock of a process that dies, however it dies, so a lock file that nobody holds is that of a dead job. Move-only;
/// released by the destructor. Processes that are forked meanwhile hold it too, until they end: one that a dead job
/// left behind to finish its last checkpoint is waited for.
class RunLock {
 public:
  RunLock() noexcept = default;
  /// Local. Throws Error(Failure::file) if a living job has the lock, with its host, process and since when; or if the
  /// file cannot be made. On file systems without locks, the process in the file is looked up if it is of this host,
  /// and believed to live if it is of another.
  explicit RunLock(const std::filesystem::path& file);
  ~RunLock();
  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&& other) noexcept;
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  /// Who had the lock and died with it: "host a, process 123, since ..."; empty if nobody.
  [[nodiscard]] const std::string& dead_owner() const noexcept { return dead_owner_; }

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;
  std::string dead_owner_;
};

}  // namespace rbmpi
