#include "rbmpi/train/metrics_log.hpp"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/system.hpp"
#include "rbmpi/storage/atomic_file.hpp"
#include "rbmpi/storage/text_file.hpp"

namespace rbmpi {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, int error_number) {
  throw Error(Failure::file, fmt::format("cannot write '{}': {}", file.string(), error_text(error_number)));
}

}  // namespace

void MetricsLog::restore() const {
  write_text_file(file_, text_);
}

void MetricsLog::write() const {
  // No link of a stranger is followed, and nothing waited for.
  const int descriptor =
      open(behind_link(file_).c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(file_, errno);
  struct stat status {};
  int problem = fstat(descriptor, &status) == 0 ? 0 : errno;
  auto length = static_cast<std::size_t>(status.st_size);
  // What does not end where one of our lines ends was written by somebody else.
  if (length > text_.size() || (length > 0 && text_[length - 1] != '\n')) length = 0;
  const std::size_t begin = length;
  while (problem == 0 && length < text_.size()) {
    const ssize_t count = pwrite(descriptor, text_.data() + length, text_.size() - length, static_cast<off_t>(length));
    if (count > 0) length += static_cast<std::size_t>(count);
    if (count == 0) problem = ENOSPC;
    if (count < 0 && errno != EINTR) problem = errno;
  }
  const std::size_t whole = problem == 0 ? text_.size() : begin;
  if (ftruncate(descriptor, static_cast<off_t>(whole)) != 0 && problem == 0) problem = errno;
  if (close(descriptor) != 0 && problem == 0) problem = errno;
  if (problem != 0) fail(file_, problem);
}

}  // namespace rbmpi
