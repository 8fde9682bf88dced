#include "rbmpi/core/memory.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string_view>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/statvfs.h>

#include "core/control_group.hpp"

namespace rbmpi {
namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

/// The number behind `field` in a file of lines such as "MemAvailable:  123 kB" or "inactive_file 123"; 0 if there is
/// no such line.
std::uint64_t field_of(const std::filesystem::path& path, std::string_view field) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with(field)) return std::strtoull(line.c_str() + field.size(), nullptr, 10);
  }
  return 0;
}

std::uint64_t number_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  return file >> value ? value : unlimited;
}

/// What a control group still allows. Pages of files that it could drop at once do not count as used.
std::uint64_t available_in_group(const std::filesystem::path& folder, bool version_2) {
  const std::uint64_t limit = number_in(folder / (version_2 ? "memory.max" : "memory.limit_in_bytes"));
  const std::uint64_t used = number_in(folder / (version_2 ? "memory.current" : "memory.usage_in_bytes"));
  if (limit == unlimited || used == unlimited) return unlimited;
  const std::uint64_t cached = field_of(folder / "memory.stat", version_2 ? "inactive_file " : "total_inactive_file ");
  const std::uint64_t needed = used - std::min(used, cached);
  return limit - std::min(limit, needed);
}

bool can_map(std::size_t bytes, int protection) noexcept {
  // Without a reserve: the system need not have all of it at this moment, unless it promises no more than it has.
  void* const memory = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory != MAP_FAILED && munmap(memory, bytes) == 0;
}

}  // namespace

std::uint64_t available_memory() {
  std::uint64_t available = field_of("/proc/meminfo", "MemAvailable:") * 1024;
  const ControlGroups groups = control_groups("memory");
  for (const std::filesystem::path& folder : groups.folders) {
    available = std::min(available, available_in_group(folder, groups.version_2));
  }
  return available;
}

std::uint64_t available_shared_memory() {
  struct statvfs system {};
  if (statvfs("/dev/shm", &system) != 0) return 0;
  return std::uint64_t{system.f_bavail} * system.f_frsize;
}

std::uint64_t peak_private_memory() {
  static std::uint64_t peak = 0;
  const std::uint64_t now =
      (field_of("/proc/self/status", "RssAnon:") + field_of("/proc/self/status", "RssFile:")) * 1024;
  peak = std::max(peak, now);
  return peak;
}

bool may_take(std::size_t bytes) noexcept {
  return can_map(bytes, PROT_READ | PROT_WRITE);
}

bool may_map(std::size_t bytes) noexcept {
  return can_map(bytes, PROT_NONE);
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
