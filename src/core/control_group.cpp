#include "core/control_group.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace rbmpi {

namespace fs = std::filesystem;

namespace {

bool has_word(const std::string& list, const std::string& word) {
  std::istringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) {
    if (item == word) return true;
  }
  return false;
}

/// The folder below `mount` and those above it, as far as they are there.
std::vector<fs::path> folders_up(const fs::path& mount, const std::string& group) {
  std::vector<fs::path> folders;
  std::error_code ignored;
  for (fs::path path = fs::path(group).relative_path();; path = path.parent_path()) {
    if (fs::is_directory(mount / path, ignored)) folders.push_back(mount / path);
    if (path.empty()) return folders;
  }
}

}  // namespace

ControlGroups control_groups(const char* controller) {
  // Lines "4:memory:/a/b" (version 1) and "0::/a/b" (version 2).
  std::ifstream file("/proc/self/cgroup");
  std::string unified;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (controllers.empty()) unified = group;
    if (has_word(controllers, controller)) {
      return {.version_2 = false, .folders = folders_up(fs::path("/sys/fs/cgroup") / controller, group)};
    }
  }
  return {.version_2 = true, .folders = folders_up("/sys/fs/cgroup", unified)};
}

}  // namespace rbmpi
