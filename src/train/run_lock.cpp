#include "rbmpi/train/run_lock.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/storage/regular_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const fs::path& file, const std::string& why) {
  throw Error(Failure::file, fmt::format("cannot lock the output folder with '{}': {}", file.string(), why));
}

/// What the file says of who has the lock.
struct Owner {
  std::string text;   ///< "host a, process 123, since 2026-11-22 13:05:10 UTC"
  std::string place;  ///< where that process number means something
};

Owner read_owner(const Descriptor& file) {
  std::array<char, 512> bytes{};
  const ssize_t length = pread(file.number(), bytes.data(), bytes.size(), 0);
  std::istringstream lines(std::string(bytes.data(), length > 0 ? static_cast<std::size_t>(length) : 0));
  Owner owner;
  std::getline(lines, owner.text);
  std::getline(lines, owner.place);
  return owner;
}

/// Containers count their processes for themselves, also those of one host name; and so does a machine that starts
/// anew.
std::string this_place() {
  std::error_code unknown;
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  return fmt::format("{} boot {}", fs::read_symlink("/proc/self/ns/pid", unknown).string(), boot);
}

Owner this_owner() {
  return {
      fmt::format("host {}, process {}, since {:%F %T} UTC", host_name(), getpid(), fmt::gmtime(std::time(nullptr))),
      this_place()};
}

/// Whether the process is known to have ended.
bool has_ended(const Owner& owner) {
  const std::string here = fmt::format("host {}, process ", host_name());
  if (!owner.text.starts_with(here) || owner.place != this_place()) return false;
  const long process = std::strtol(owner.text.c_str() + here.size(), nullptr, 10);
  return process > 0 && kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH;
}

Descriptor open_lock(const fs::path& file) {
  // A planted link would have the file that it leads to written over.
  Descriptor descriptor(open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666));
  if (descriptor.number() < 0) fail(file, errno == ELOOP ? other_kind(S_IFLNK) : error_text(errno));
  struct stat status {};
  if (fstat(descriptor.number(), &status) != 0) fail(file, error_text(errno));
  if (const std::string kind = other_kind(status.st_mode); !kind.empty()) fail(file, kind);
  return descriptor;
}

/// Takes the lock. Gives errno, EWOULDBLOCK if a living job still has it at `end`.
int take(const Descriptor& lock, const fs::path& folder, Clock::time_point end,
         const std::function<void(const std::string&)>& warn) {
  constexpr std::chrono::milliseconds moment{50};
  std::string said;
  while (flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno;
    const Owner owner = read_owner(lock);
    const bool ended = has_ended(owner);  // but not the child that it left behind to finish its last checkpoint
    if (!ended && Clock::now() >= end) return EWOULDBLOCK;
    const std::string what = fmt::format(
        fmt::runtime(ended ? "waits for the last checkpoint in '{}', which a process of a dead job ({}) writes"
                           : "waits for the output folder '{}': it is in use by another job ({})"),
        folder.string(), owner.text);
    if (warn && what != said) warn(what);
    said = what;
    throw_if_stopped("waiting for the output folder");
    std::this_thread::sleep_for(moment);
  }
  return 0;
}

bool is_still(const fs::path& file, const Descriptor& descriptor) {
  struct stat opened {};
  struct stat named {};
  return fstat(descriptor.number(), &opened) == 0 && lstat(file.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace

RunLock::RunLock(const fs::path& file, std::chrono::milliseconds patience,
                 const std::function<void(const std::string&)>& warn) {
  const Clock::time_point end = Clock::now() + patience;
  for (;;) {
    Descriptor descriptor = open_lock(file);
    const int problem = take(descriptor, file.parent_path(), end, warn);
    const Owner owner = read_owner(descriptor);
    const bool without_locks = problem == ENOLCK || problem == ENOSYS || problem == EOPNOTSUPP || problem == EINVAL;
    if (problem == EWOULDBLOCK || (without_locks && !owner.text.empty() && !has_ended(owner))) {
      throw Error(Failure::file,
                  fmt::format("the output folder '{}' is in use by another job ({}); wait for its end, or name another "
                              "folder{}",
                              file.parent_path().string(), owner.text,
                              without_locks ? fmt::format(" (if that job is dead, delete '{}')", file.string()) : ""));
    }
    if (problem != 0 && !without_locks) fail(file, error_text(problem));
    // Whoever had the lock may have deleted the file between the two calls.
    if (!is_still(file, descriptor)) continue;
    const Owner self = this_owner();
    const std::string text = fmt::format("{}\n{}\n", self.text, self.place);
    if (pwrite(descriptor.number(), text.data(), text.size(), 0) < 0 ||
        ftruncate(descriptor.number(), static_cast<off_t>(text.size())) != 0) {
      // A full disk: the lock holds all the same, it only does not say whose it is.
    }
    file_ = file;
    descriptor_ = std::move(descriptor);
    dead_owner_ = owner.text;
    return;
  }
}

RunLock::~RunLock() {
  if (descriptor_.number() < 0) return;
  // Deleted while it is held: nobody can have taken it meanwhile. A folder that was moved takes its file with it.
  if (is_still(file_, descriptor_)) unlink(file_.c_str());
}

RunLock::RunLock(RunLock&& other) noexcept
    : file_(std::exchange(other.file_, {})),
      descriptor_(std::move(other.descriptor_)),
      dead_owner_(std::exchange(other.dead_owner_, {})) {}

RunLock& RunLock::operator=(RunLock&& other) noexcept {
  RunLock moved(std::move(other));
  std::swap(file_, moved.file_);
  std::swap(descriptor_, moved.descriptor_);
  std::swap(dead_owner_, moved.dead_owner_);
  return *this;
}

}  // namespace rbmpi
