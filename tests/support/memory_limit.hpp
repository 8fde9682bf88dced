#pragma once

#include <array>
#include <cstdint>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

namespace rbmpi::test {

/// From now on this process can take only so many bytes of memory beyond those that it has: for a child.
inline void limit_further_memory(std::uint64_t bytes) {
  std::ifstream file("/proc/self/statm");
  std::array<std::uint64_t, 6> pages{};  // the sixth are data and stack
  for (std::uint64_t& field : pages) file >> field;
  rlimit limit{};
  getrlimit(RLIMIT_DATA, &limit);
  limit.rlim_cur = pages.back() * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) + bytes;
  setrlimit(RLIMIT_DATA, &limit);
}

}  // namespace rbmpi::test
