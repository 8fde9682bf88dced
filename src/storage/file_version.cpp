#include "rbmpi/storage/file_version.hpp"

#include <cerrno>
#include <chrono>
#include <ctime>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/system.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t second = 1'000'000'000;

std::int64_t nanoseconds(const timespec& time) noexcept {
  return std::int64_t{time.tv_sec} * second + time.tv_nsec;
}

[[noreturn]] void throw_changed(const fs::path& path) {
  throw Error(Failure::file, fmt::format("'{}' changed while it was read", path.string()));
}

/// The clock that gives files their times: it goes on with each tick of the system, every few milliseconds.
std::int64_t now_for_files() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return nanoseconds(now);
}

/// Waits until no write to the file goes on. A write sets the time of the file when it begins, and may take seconds;
/// ext4, btrfs and tmpfs look for holes under the lock that a write keeps from then until its end.
void wait_for_writer(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;  // to open a pipe wakes its writer
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() >= 0) (void)::lseek(file.number(), 0, SEEK_HOLE);
}

/// Whether what begins to be written at `now` gives the file another time than `changed`.
bool at_rest(std::int64_t changed, std::int64_t now) noexcept {
  // Times without fractions are those of a file system that keeps no more of them than whole or even seconds.
  const std::int64_t grain = changed % second == 0 ? 2 * second : 1;
  constexpr std::int64_t ticks = second / 50;  // two of the slowest; what is later still is by another machine's clock
  return changed + grain <= now || changed > now + ticks;
}

}  // namespace

FileVersion::State FileVersion::state_of(const fs::path& path) {
  struct stat status {};
  int problem = ::stat(path.c_str(), &status);
  if (problem == 0 && S_ISREG(status.st_mode)) {
    // A network file system looks anew at a file that is opened; what it answers else may be seconds old.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.number() >= 0) problem = ::fstat(file.number(), &status);
  }
  if (problem != 0) {
    throw Error(Failure::file, fmt::format("cannot read '{}': {}", path.string(),
                                           errno == ENOENT ? "no such file" : error_text(errno)));
  }
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = status.st_size,
          .modified = nanoseconds(status.st_mtim),
          .changed = nanoseconds(status.st_ctim)};
}

FileVersion::FileVersion(fs::path path) : path_(std::move(path)) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point patience_ends = Clock::now() + std::chrono::seconds(3);
  for (;;) {
    const std::int64_t now = now_for_files();
    wait_for_writer(path_);
    state_ = state_of(path_);
    if (at_rest(state_.changed, now)) return;
    if (Clock::now() > patience_ends) throw_changed(path_);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void FileVersion::throw_if_changed() const {
  try {
    if (state_of(path_) == state_) return;
  } catch (const Error&) {  // it is gone
  }
  throw_changed(path_);
}

void FileVersion::guard(const std::function<void()>& read) const {
  try {
    read();
  } catch (const Error& error) {
    if (error.failure() == Failure::file) throw_if_changed();
    throw;
  }
  throw_if_changed();
}

}  // namespace rbmpi
