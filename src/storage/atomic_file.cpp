#include "rbmpi/storage/atomic_file.hpp"

#include <cerrno>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "storage/file_errors.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view mark = ".partial-";
constexpr std::size_t random_digits = 16;

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

/// Of the system: a forked child has others, and nobody can guess them.
std::uint64_t random_number() {
  std::random_device source;
  return std::uint64_t{source()} << 32U | source();
}

/// The target for which a temporary file of this name was made; nothing if it is another file.
std::optional<std::string_view> target_of(std::string_view name) {
  const std::size_t tail = mark.size() + random_digits;
  if (!name.starts_with('.') || name.size() < 2 + tail) return std::nullopt;
  const std::string_view digits = name.substr(name.size() - random_digits);
  if (name.substr(name.size() - tail, mark.size()) != mark) return std::nullopt;
  if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  return name.substr(1, name.size() - tail - 1);
}

/// Removes a temporary file if its writer is dead. It is locked until it is gone: else its writer, who has only just
/// made it, would believe to have it.
void remove_if_left_behind(const fs::path& temporary, bool sole_writer) {
  const Descriptor file(::open(temporary.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  const bool own = file.number() >= 0 && ::fstat(file.number(), &status) == 0 && S_ISREG(status.st_mode) &&
                   status.st_uid == ::geteuid();
  const bool locked = file.number() >= 0 && ::flock(file.number(), LOCK_EX | LOCK_NB) == 0;
  const bool is_written = file.number() >= 0 && !locked && errno == EWOULDBLOCK;
  if (sole_writer ? !is_written : own && locked) ::unlink(temporary.c_str());
}

/// As the system itself guards folders that all may write to, such as /tmp (fs.protected_symlinks).
void want_own_link(const fs::path& link) {
  struct stat of_link {};
  struct stat of_folder {};
  if (::lstat(link.c_str(), &of_link) != 0 || ::stat(folder_of(link).c_str(), &of_folder) != 0) return;
  constexpr mode_t open_to_all = S_ISVTX | S_IWOTH;
  if ((of_folder.st_mode & open_to_all) != open_to_all) return;
  if (of_link.st_uid == ::geteuid() || of_link.st_uid == of_folder.st_uid) return;
  fail_to_write(link,
                "it is a symbolic link of another user; the file that it leads to, by its own name, would be right");
}

/// Flushes a folder to disk; gives errno, 0 if all is well.
int synchronise(const fs::path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return descriptor.number() >= 0 && ::fsync(descriptor.number()) == 0 ? 0 : errno;
}

}  // namespace

fs::path behind_link(const fs::path& target) {
  std::error_code nowhere;
  fs::path file = fs::canonical(target, nowhere);
  if (nowhere || !fs::is_symlink(target, nowhere)) return target;
  for (fs::path link = target; fs::is_symlink(link, nowhere);
       link = folder_of(link) / fs::read_symlink(link, nowhere)) {
    want_own_link(link);
  }
  return file;
}

void remove_partial_files(const fs::path& folder, std::string_view target, bool sole_writer) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const std::optional<std::string_view> its_target = target_of(name);
    // A sole writer takes away those of other versions as well, whose names had other ends.
    const bool is_partial =
        sole_writer ? name.starts_with('.') && name.find(mark) != std::string::npos : its_target.has_value();
    if (is_partial && (target.empty() || its_target == target)) found.push_back(entry->path());
  }
  for (const fs::path& file : found) remove_if_left_behind(file, sole_writer);
}

AtomicFile::AtomicFile(const fs::path& target) : target_(behind_link(target)) {
  if (!target_.has_filename()) fail_to_write(target_, "that is no file name");
  std::error_code ignored;
  const fs::path folder = folder_of(target_);
  if (!fs::exists(folder, ignored)) fail_to_write(target_, fmt::format("no such folder '{}'", folder.string()));
  if (!fs::is_directory(folder, ignored)) fail_to_write(target_, fmt::format("'{}' is not a folder", folder.string()));
  // A rename would put a file in the place of a device.
  struct stat status {};
  const bool is_there = ::stat(target_.c_str(), &status) == 0;
  if (is_there && !S_ISREG(status.st_mode)) fail_to_write(target_, other_kind(status.st_mode));

  remove_partial_files(folder, target_.filename().string());
  constexpr int attempts = 100;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    if (make_temporary(folder)) return;
  }
  fail_to_write(target_, fmt::format("no file can be made in '{}': others take it away at once", folder.string()));
}

/// False if somebody else has a file of that name, or took the new one for left behind before it was locked.
bool AtomicFile::make_temporary(const fs::path& folder) {
  const fs::path name =
      folder / fmt::format(".{}{}{:0{}x}", target_.filename().string(), mark, random_number(), random_digits);
  Descriptor file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
  if (file.number() < 0 && errno == EEXIST) return false;
  if (file.number() < 0)
    fail_to_write(target_, fmt::format("no file can be made in '{}': {}", folder.string(), error_text(errno)));
  // A file system without locks does without: nobody else can take them there either.
  const bool is_taken = ::flock(file.number(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  struct stat status {};
  if (is_taken || ::fstat(file.number(), &status) != 0 || status.st_nlink == 0) {
    ::unlink(name.c_str());
    return false;
  }
  temporary_ = name;
  file_ = std::move(file);
  return true;
}

AtomicFile::~AtomicFile() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove(temporary_, ignored);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : target_(std::exchange(other.target_, {})),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::move(other.file_)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  AtomicFile moved(std::move(other));
  std::swap(target_, moved.target_);
  std::swap(temporary_, moved.temporary_);
  std::swap(file_, moved.file_);
  return *this;
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file_.number(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail_to_write(target_, error_text(count < 0 ? errno : ENOSPC));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void AtomicFile::commit() {
  if (::fsync(file_.number()) != 0) fail_to_write(target_, error_text(errno));
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail_to_write(target_, error_text(errno));
  temporary_.clear();
  file_.close();  // only now: nobody may take it for left behind
  // Some file systems cannot flush a folder and say EINVAL; the file is in place all the same.
  const int problem = synchronise(folder_of(target_));
  if (problem != 0 && problem != EINVAL) fail_to_write(target_, error_text(problem));
}

}  // namespace rbmpi
