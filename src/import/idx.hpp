#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "rbmpi/import/table.hpp"

namespace rbmpi {

/// Local. IDX, MNIST's format: unsigned bytes, numbers big-endian. The labels are a file, too.
[[nodiscard]] bool is_idx(std::string_view front);
[[nodiscard]] std::unique_ptr<Table> open_idx(const std::filesystem::path& images,
                                              const std::optional<std::filesystem::path>& labels);

}  // namespace rbmpi
