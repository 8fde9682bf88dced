#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "rbmpi/train/phase_clock.hpp"

namespace rbmpi {

/// One job of a run, from its start to its end: a run that was stopped and went on has several.
struct JobRecord {
  std::string began;            ///< UTC, as in 2026-11-22T21:30:00Z
  std::string end = "running";  ///< or "finished", "stopped by SIGTERM", ...; one that was killed stays "running"
  std::string message;          ///< why, if `end` is "diverged" or "failed"; else empty
  double seconds = 0;           ///< wall time, as it was when this was written
  int nodes = 1;
  int ranks = 1;
  int threads = 1;               ///< of each rank
  std::uint64_t first_step = 0;  ///< steps that were done when it began
  std::uint64_t last_step = 0;   ///< and when this was written
  TimeSplit time_split{};        ///< seconds of the root
};

/// jobs.jsonl of a run folder (docs/formats.md): one line a job. Every method is Local and meant for the root.
class JobLog {
 public:
  /// Keeps the lines that are there; a file that cannot be read counts as empty.
  explicit JobLog(std::filesystem::path file);
  /// Makes the file hold the jobs before and this one. Throws Error(Failure::file).
  void write(const JobRecord& job) const;

 private:
  std::filesystem::path file_;
  std::string before_;
};

/// Local. The jobs of a file; none if it cannot be read.
[[nodiscard]] std::vector<JobRecord> read_jobs(const std::filesystem::path& file);

/// Local. The jobs in a text of that form; lines that are none are left out.
[[nodiscard]] std::vector<JobRecord> parse_jobs(const std::string& text);

}  // namespace rbmpi
