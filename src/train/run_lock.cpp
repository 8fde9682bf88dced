#include "rbmpi/train/run_lock.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/system.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& file, int error_number) {
  throw Error(Failure::file,
              fmt::format("cannot lock the output folder with '{}': {}", file.string(), error_text(error_number)));
}

/// "host a, process 123, since 2026-11-22 13:05:10 UTC": what the file says of its owner, in one line.
std::string owner_text(int descriptor) {
  std::array<char, 512> text{};
  const ssize_t length = pread(descriptor, text.data(), text.size(), 0);
  std::string owner(text.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  owner.resize(std::min(owner.find('\n'), owner.size()));
  return owner;
}

std::string this_owner() {
  return fmt::format("host {}, process {}, since {:%F %T} UTC", host_name(), getpid(), fmt::gmtime(std::time(nullptr)));
}

/// Whether the owner may be alive, as far as its text tells: for file systems that know no locks.
bool may_live(const std::string& owner) {
  const std::string here = fmt::format("host {}, process ", host_name());
  if (owner.empty()) return false;
  if (!owner.starts_with(here)) return true;
  const long process = std::strtol(owner.c_str() + here.size(), nullptr, 10);
  return process > 0 && (kill(static_cast<pid_t>(process), 0) == 0 || errno == EPERM);
}

/// Takes the lock when a process has ended that a dead job left behind to finish its last checkpoint. Gives errno.
int wait_for_child(int descriptor) {
  constexpr useconds_t moment = 50000;
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return errno;
    now_doing("waiting for the last checkpoint of the job before");
    throw_if_stopped("waiting for the last checkpoint of the job before");
    usleep(moment);
  }
  return 0;
}

bool is_still(const fs::path& file, int descriptor) {
  struct stat opened {};
  struct stat named {};
  return fstat(descriptor, &opened) == 0 && stat(file.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

}  // namespace

RunLock::RunLock(const fs::path& file) {
  for (;;) {
    const int descriptor = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) fail(file, errno);
    int problem = flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    const std::string owner = owner_text(descriptor);
    if (problem == EWOULDBLOCK && !may_live(owner)) problem = wait_for_child(descriptor);
    const bool without_locks = problem == ENOLCK || problem == ENOSYS || problem == EOPNOTSUPP || problem == EINVAL;
    if (problem == EWOULDBLOCK || (without_locks && may_live(owner))) {
      close(descriptor);
      throw Error(Failure::file,
                  fmt::format("the output folder '{}' is in use by another job ({}); wait for its end, or name another "
                              "folder{}",
                              file.parent_path().string(), owner,
                              without_locks ? fmt::format(" (if that job is dead, delete '{}')", file.string()) : ""));
    }
    if (problem != 0 && !without_locks) {
      close(descriptor);
      fail(file, problem);
    }
    // Whoever had the lock may have deleted the file between the two calls.
    if (!is_still(file, descriptor)) {
      close(descriptor);
      continue;
    }
    const std::string text = this_owner() + '\n';
    if (pwrite(descriptor, text.data(), text.size(), 0) < 0 ||
        ftruncate(descriptor, static_cast<off_t>(text.size())) != 0) {
      // A full disk: the lock holds all the same, it only does not say whose it is.
    }
    file_ = file;
    descriptor_ = descriptor;
    dead_owner_ = owner;
    return;
  }
}

RunLock::~RunLock() {
  if (descriptor_ < 0) return;
  // Deleted while it is held: nobody can have taken it meanwhile. A folder that was moved takes its file with it.
  if (is_still(file_, descriptor_)) unlink(file_.c_str());
  close(descriptor_);
}

RunLock::RunLock(RunLock&& other) noexcept
    : file_(std::exchange(other.file_, {})),
      descriptor_(std::exchange(other.descriptor_, -1)),
      dead_owner_(std::exchange(other.dead_owner_, {})) {}

RunLock& RunLock::operator=(RunLock&& other) noexcept {
  RunLock moved(std::move(other));
  std::swap(file_, moved.file_);
  std::swap(descriptor_, moved.descriptor_);
  std::swap(dead_owner_, moved.dead_owner_);
  return *this;
}

}  // namespace rbmpi
