#include "app/job_recorder.hpp"

#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {

JobRecorder::JobRecorder(const RunFolder& folder, const Layout& layout, std::uint64_t first_step,
                         Clock::time_point begin)
    : log_(folder.jobs()), begin_(begin) {
  job_.began = fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)));
  job_.nodes = layout.nodes;
  job_.ranks = layout.ranks;
  job_.threads = layout.threads;
  job_.first_step = job_.last_step = first_step;
  write();
}

void JobRecorder::step(const StepProgress& progress) {
  ++job_.last_step;
  job_.time_split = progress.time_split;
  if (Clock::now() - written_ >= std::chrono::seconds(30)) write();
}

void JobRecorder::finish(const std::string& end, const OptimizationOutcome& outcome) {
  job_.end = end;
  job_.last_step = outcome.progress.steps;
  job_.time_split = outcome.time_split;
  write();
}

void JobRecorder::fail(const Error& error) {
  job_.end = error.failure() == Failure::diverged      ? "diverged"
             : error.failure() == Failure::interrupted ? "stopped"
                                                       : "failed";
  job_.message = error.what();
  write();
}

void JobRecorder::write() {
  written_ = Clock::now();
  job_.seconds = std::chrono::duration<double>(written_ - begin_).count();
  try {
    log_.write(job_);
  } catch (const Error&) {  // tried again
    return;
  }
}

}  // namespace rbmpi
