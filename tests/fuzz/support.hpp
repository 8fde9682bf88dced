#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi::fuzz {

using Bytes = std::span<const std::uint8_t>;

/// A folder for the files of this fuzzer.
inline const test::TemporaryFolder& folder() {
  static const test::TemporaryFolder folder;
  return folder;
}

/// Puts the bytes into a file.
inline std::filesystem::path input_file(const std::string& name, Bytes bytes) {
  return folder().write(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

/// Throws what no reader throws and nothing catches, unless `kept`: a finding.
inline void promise(bool kept, const std::string& what) {
  if (!kept) throw std::logic_error("broken promise: " + what);
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
