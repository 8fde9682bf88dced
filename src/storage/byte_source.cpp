#include "rbmpi/storage/byte_source.hpp"

#include <algorithm>
#include <cerrno>
#include <string>

#include <fmt/format.h>
#include <sys/stat.h>
#include <zlib.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/system.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "storage/file_errors.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

gzFile gzip(void* file) noexcept {
  return static_cast<gzFile>(file);
}

}  // namespace

void ByteSource::Close::operator()(void* file) const noexcept {
  gzclose_r(gzip(file));
}

ByteSource::ByteSource(const fs::path& path) : path_(path) {
  constexpr unsigned buffer_bytes = 1U << 18U;
  constexpr std::uint64_t best_compression = 1032;  // deflate's limit: 258 bytes from two bits
  Descriptor file = open_to_read(path);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) fail_to_read(path, error_text(errno));
  const auto length = static_cast<std::uint64_t>(status.st_size);
  file_.reset(gzdopen(file.number(), "rb"));
  if (file_ == nullptr) fail_to_read(path, "out of memory");
  file.release();
  gzbuffer(gzip(file_.get()), buffer_bytes);
  most_bytes_ = gzdirect(gzip(file_.get())) == 1 ? length : length * best_compression;
}

ByteSource::~ByteSource() = default;
ByteSource::ByteSource(ByteSource&&) noexcept = default;
ByteSource& ByteSource::operator=(ByteSource&&) noexcept = default;

std::size_t ByteSource::read(std::span<std::byte> bytes) {
  constexpr std::size_t most_at_once = 1U << 30U;  // gzread counts in int
  std::size_t done = 0;
  while (done < bytes.size()) {
    const std::size_t wanted = std::min(bytes.size() - done, most_at_once);
    const int count = gzread(gzip(file_.get()), bytes.data() + done, static_cast<unsigned>(wanted));
    if (count > 0) done += static_cast<std::size_t>(count);
    if (count >= 0 && static_cast<std::size_t>(count) == wanted) continue;

    int problem = Z_OK;
    gzerror(gzip(file_.get()), &problem);
    if (problem == Z_ERRNO) fail_to_read(path_, error_text(errno));
    if (problem == Z_BUF_ERROR) fail_to_read(path_, "it is a truncated gzip file");
    if (problem == Z_MEM_ERROR) fail_to_read(path_, "out of memory");
    if (problem != Z_OK && problem != Z_STREAM_END) fail_to_read(path_, "it is a damaged gzip file");
    break;
  }
  position_ += done;
  return done;
}

void ByteSource::rewind() {
  if (gzrewind(gzip(file_.get())) != 0) fail_to_read(path_, "its beginning cannot be read a second time");
  position_ = 0;
}

}  // namespace rbmpi
