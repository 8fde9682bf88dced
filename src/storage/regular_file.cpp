#include "rbmpi/storage/regular_file.hpp"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "storage/file_errors.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

void want_regular(mode_t mode, const fs::path& path) {
  const std::string kind = other_kind(mode);
  if (kind.empty()) return;
  fail_to_read(
      path, fmt::format("{}; a file {} would be right", kind, S_ISDIR(mode) ? "in it" : "with what comes out of it"));
}

}  // namespace

std::string other_kind(mode_t mode) {
  if (S_ISREG(mode)) return {};
  const char* kind = "something else";
  if (S_ISDIR(mode)) kind = "a folder";
  if (S_ISFIFO(mode)) kind = "a pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode)) kind = "a device";
  if (S_ISSOCK(mode)) kind = "a socket";
  if (S_ISLNK(mode)) kind = "a symbolic link";
  return fmt::format("it is {}, not a regular file", kind);
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

Descriptor open_to_read(const fs::path& path) {
  struct stat status {};
  // Devices are not even opened: a tape would wind back.
  if (::stat(path.c_str(), &status) != 0) fail_to_read(path, errno == ENOENT ? "no such file" : error_text(errno));
  want_regular(status.st_mode, path);
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.number() < 0 || ::fstat(file.number(), &status) != 0) fail_to_read(path, error_text(errno));
  want_regular(status.st_mode, path);  // another may have taken the name meanwhile
  return file;
}

std::string first_bytes(const fs::path& path, std::size_t count) {
  const Descriptor file = open_to_read(path);
  std::string bytes(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t some = ::read(file.number(), bytes.data() + done, count - done);
    if (some < 0 && errno == EINTR) continue;
    if (some < 0) fail_to_read(path, error_text(errno));
    if (some == 0) break;
    done += static_cast<std::size_t>(some);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace rbmpi
