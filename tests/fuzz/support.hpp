#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi::fuzz {

using Bytes = std::span<const std::uint8_t>;

/// A file that exists only in memory.
class MemoryFile {
 public:
  explicit MemoryFile(Bytes bytes) : descriptor_(::memfd_create("input", MFD_CLOEXEC)) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0) throw std::runtime_error("cannot write to a file in memory");
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] std::filesystem::path path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

 private:
  int descriptor_;
};

/// Ends the program with a finding, unless `kept`.
inline void promise(bool kept, const std::string& what) {
  if (kept) return;
  fmt::print(stderr, "broken promise: {}\n", what);
  std::abort();
}

/// Takes the first bytes off the input.
[[nodiscard]] inline Bytes take(Bytes& input, std::size_t count) {
  const Bytes taken = input.first(std::min(count, input.size()));
  input = input.subspan(taken.size());
  return taken;
}

/// A number from the first `count` bytes of the input, low byte first.
[[nodiscard]] inline std::uint64_t take_number(Bytes& input, std::size_t count) {
  std::uint64_t number = 0;
  unsigned shift = 0;
  for (const std::uint8_t byte : take(input, count)) {
    number |= std::uint64_t{byte} << shift;
    shift += 8;
  }
  return number;
}

/// Whether `read` reached its end. All it may throw otherwise is an rbmpi::Error of the user's making, with a message;
/// any other exception ends the program with a finding.
template <typename Read>
bool accepted(const Read& read) {
  try {
    read();
    return true;
  } catch (const Error& error) {
    promise(error.failure() == Failure::file || error.failure() == Failure::usage,
            fmt::format("a bad input is the user's mistake, not '{}'", error.what()));
    promise(*error.what() != '\0', "an error says what is wrong");
    return false;
  }
}

}  // namespace rbmpi::fuzz
