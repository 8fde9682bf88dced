#include "rbmpi/storage/atomic_file.hpp"

#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/system.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& target, const std::string& why) {
  throw Error(Failure::file, fmt::format("cannot write '{}': {}", target.string(), why));
}

fs::path folder_of(const fs::path& file) {
  return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

// The file that a link leads to: a rename would replace the link.
fs::path behind_link(fs::path target) {
  std::error_code error;
  if (!fs::is_symlink(target, error)) return target;
  fs::path file = fs::canonical(target, error);
  return error ? std::move(target) : std::move(file);
}

// Flushes a file or folder to disk; gives errno, 0 if all is well.
int synchronise(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC);
  if (descriptor < 0) return errno;
  const int problem = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  return problem;
}

}  // namespace

AtomicFile::AtomicFile(fs::path target) : target_(behind_link(std::move(target))) {
  if (!target_.has_filename()) fail(target_, "that is no file name");
  std::error_code ignored;
  const fs::path folder = folder_of(target_);
  if (!fs::exists(folder, ignored)) fail(target_, fmt::format("no such folder '{}'", folder.string()));
  if (!fs::is_directory(folder, ignored)) fail(target_, fmt::format("'{}' is not a folder", folder.string()));
  if (fs::is_directory(target_, ignored)) fail(target_, "it is a folder");
  // A rename would put a file in the place of a device.
  if (fs::exists(target_, ignored) && !fs::is_regular_file(target_, ignored)) fail(target_, "it is not a regular file");

  const fs::path name = folder / fmt::format(".{}.partial-{}-{}", target_.filename().string(), host_name(), ::getpid());
  const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(target_, fmt::format("no file can be made in '{}': {}", folder.string(), error_text(errno)));
  ::close(descriptor);
  temporary_ = name;
}

AtomicFile::~AtomicFile() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove(temporary_, ignored);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : target_(std::exchange(other.target_, {})), temporary_(std::exchange(other.temporary_, {})) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  AtomicFile moved(std::move(other));
  std::swap(target_, moved.target_);
  std::swap(temporary_, moved.temporary_);
  return *this;
}

void AtomicFile::commit() {
  if (const int problem = synchronise(temporary_, O_WRONLY)) fail(target_, error_text(problem));
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail(target_, error_text(errno));
  temporary_.clear();
  // Some file systems cannot flush a folder and say EINVAL; the file is in place all the same.
  const int problem = synchronise(folder_of(target_), O_RDONLY | O_DIRECTORY);
  if (problem != 0 && problem != EINVAL) fail(target_, error_text(problem));
}

}  // namespace rbmpi
