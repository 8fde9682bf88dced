#include "rbmpi/storage/contained_read.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "rbmpi/core/child_process.hpp"

namespace rbmpi {

std::string read_in_child(const std::filesystem::path& path, std::uint64_t bytes,
                          const std::function<std::string()>& work) {
  // Far more than any sound file takes: the limit is for endless loops.
  constexpr std::uint64_t seconds_to_begin = 300;
  constexpr std::uint64_t bytes_per_second = 1'000'000;
  const std::uint64_t seconds = seconds_to_begin + bytes / bytes_per_second;
  return run_in_child(
      fmt::format("read '{}'", path.string()), work,
      {.on_crash = "the HDF5 library crashed on it, so the file is damaged or made to do harm",
       .cpu_seconds = static_cast<unsigned>(std::min<std::uint64_t>(seconds, std::numeric_limits<int>::max()))});
}

}  // namespace rbmpi
