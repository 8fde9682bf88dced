#pragma once

#include <filesystem>
#include <vector>

namespace rbmpi {

/// Local. The folders of the control groups that limit this process, from its own up to the topmost, for a controller
/// ("memory", "cpu") of version 1 or, where there is none of that, for version 2. Folders that this process cannot see,
/// as in a container, are left out. Empty where nothing is limited.
struct ControlGroups {
  bool version_2 = true;
  std::vector<std::filesystem::path> folders;
};
[[nodiscard]] ControlGroups control_groups(const char* controller);

}  // namespace rbmpi
