#include "rbmpi/core/memory.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <string_view>

#include <fmt/format.h>
#include <sys/statvfs.h>

namespace rbmpi {
namespace {

/// The value in kB of a line such as "MemAvailable:  123 kB", in bytes; 0 if there is no such line.
std::uint64_t field_in_bytes(const char* path, std::string_view field) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with(field)) return std::stoull(line.substr(field.size())) * 1024;
  }
  return 0;
}

std::uint64_t number_in(const char* path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? value : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace

std::uint64_t available_memory() {
  const std::uint64_t machine = field_in_bytes("/proc/meminfo", "MemAvailable:");
  const std::uint64_t limit = number_in("/sys/fs/cgroup/memory.max");
  if (limit == std::numeric_limits<std::uint64_t>::max()) return machine;
  const std::uint64_t used = number_in("/sys/fs/cgroup/memory.current");
  return std::min(machine, limit > used ? limit - used : 0);
}

std::uint64_t available_shared_memory() {
  struct statvfs system {};
  if (statvfs("/dev/shm", &system) != 0) return 0;
  return std::uint64_t{system.f_bavail} * system.f_frsize;
}

std::uint64_t peak_private_memory() {
  static std::uint64_t peak = 0;
  const std::uint64_t now =
      field_in_bytes("/proc/self/status", "RssAnon:") + field_in_bytes("/proc/self/status", "RssFile:");
  peak = std::max(peak, now);
  return peak;
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array units = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
  if (bytes < 1000) return fmt::format("{} bytes", bytes);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.95 && unit + 1 < units.size()) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace rbmpi
