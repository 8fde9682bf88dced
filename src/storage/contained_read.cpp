#include "rbmpi/storage/contained_read.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <system_error>

#include <fmt/format.h>

#include "rbmpi/core/child_process.hpp"

namespace rbmpi {
namespace {

/// More than any sound file takes, even one whose every byte deflate makes a thousand of: the limit is for endless
/// loops.
unsigned most_seconds(const std::filesystem::path& path) {
  constexpr std::uint64_t seconds_to_begin = 10;
  constexpr std::uint64_t bytes_per_second = 100'000;
  std::error_code missing;
  const std::uintmax_t length = std::filesystem::file_size(path, missing);
  const std::uint64_t seconds = seconds_to_begin + (missing ? 0 : length / bytes_per_second);
  return static_cast<unsigned>(std::min<std::uint64_t>(seconds, std::numeric_limits<int>::max()));
}

}  // namespace

std::string read_in_child(const std::filesystem::path& path, const std::function<std::string()>& work) {
  return run_in_child(fmt::format("read '{}'", path.string()), work,
                      {.on_crash = "the HDF5 library crashed on it, so the file is damaged or made to do harm",
                       .cpu_seconds = most_seconds(path)});
}

}  // namespace rbmpi
