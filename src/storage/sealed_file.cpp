#include "rbmpi/storage/sealed_file.hpp"

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rbmpi/core/digest.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/system.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "storage/file_errors.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view first_word = "rbmpi-seal ";

Descriptor open_file(const fs::path& path, int flags, const char* doing, const fs::path& named) {
  Descriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK));  // a pipe must not be waited for
  if (file.number() < 0) fail_to(doing, named, errno == ENOENT ? "no such file" : error_text(errno));
  return file;
}

/// Fills `bytes` from the file's current position on; gives how many there were.
std::size_t read_some(const Descriptor& file, std::span<char> bytes, const fs::path& named) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::read(file.number(), bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_to_read(named, error_text(errno));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

/// The seal of what follows the file's current position.
std::string seal_of_rest(const Descriptor& file, const fs::path& named) {
  Sha256 hash;
  std::uint64_t length = 0;
  std::vector<char> block(std::size_t{1} << 20U);
  for (std::size_t count = block.size(); count == block.size(); length += count) {
    count = read_some(file, block, named);
    hash.update(std::as_bytes(std::span(block).first(count)));
    still_at_work();
  }
  std::string seal = fmt::format("{}1\nbytes {}\nsha256 {}\n", first_word, length, hexadecimal(hash.finish())) +
                     "\nThe SHA-256 is that of the bytes that follow these first 512, where the HDF5 file begins.\n"
                     "tail --bytes=+513 FILE | sha256sum\n";
  seal.resize(seal_bytes - 1, ' ');
  return seal + '\n';
}

void flush(const Descriptor& file, const fs::path& named) {
  if (::fsync(file.number()) != 0) fail_to_write(named, error_text(errno));
}

}  // namespace

DamagedFile::DamagedFile(const fs::path& file, const std::string& why)
    : Error(Failure::file, fmt::format("'{}' is damaged: {}", file.string(), why)), why_(why) {}

void seal_file(const fs::path& path, const fs::path& named) {
  const Descriptor file = open_file(path, O_RDWR | O_NOFOLLOW, "write", named);
  flush(file, named);
  // What comes back is then what the disk holds. Where the system keeps its copy, that one is read.
  (void)::posix_fadvise(file.number(), 0, 0, POSIX_FADV_DONTNEED);
  if (::lseek(file.number(), static_cast<off_t>(seal_bytes), SEEK_SET) < 0) fail_to_write(named, error_text(errno));
  const std::string seal = seal_of_rest(file, named);
  const ssize_t written = ::pwrite(file.number(), seal.data(), seal.size(), 0);
  if (written != static_cast<ssize_t>(seal.size())) fail_to_write(named, error_text(written < 0 ? errno : ENOSPC));
  flush(file, named);
}

bool has_seal(const fs::path& path) {
  try {
    return first_bytes(path, first_word.size()) == first_word;
  } catch (const Error&) {
    return false;
  }
}

void check_seal(const fs::path& path) {
  const Descriptor file = open_file(path, O_RDONLY, "read", path);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) fail_to_read(path, error_text(errno));
  if (const std::string kind = other_kind(status.st_mode); !kind.empty()) throw DamagedFile(path, kind);
  std::string seal(seal_bytes, '\0');
  if (read_some(file, seal, path) < seal.size()) throw DamagedFile(path, "it is too short");
  if (!seal.starts_with(first_word))
    throw DamagedFile(path, "it does not begin with a seal, the checksum of its content");
  if (seal != seal_of_rest(file, path)) throw DamagedFile(path, "its content does not match its checksum");
}

}  // namespace rbmpi
