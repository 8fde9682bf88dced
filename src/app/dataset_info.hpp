#pragma once

#include <filesystem>
#include <optional>

namespace rbmpi {

/// Local. `rbmpi info` for a dataset: prints what the file holds and what a person should know before training on it,
/// for people or as JSON, or just the digest. `scale`: the value that means 1.0, in place of what the file says.
void print_dataset_info(const std::filesystem::path& path, bool json, bool digest_only, std::optional<double> scale);

}  // namespace rbmpi
