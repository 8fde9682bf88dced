#pragma once

#include <filesystem>

namespace rbmpi {

/// Local. `rbmpi info` for a model or checkpoint: prints what the file holds, for people or as JSON, or just the digest
/// of its parameters.
void print_model_info(const std::filesystem::path& path, bool json, bool digest_only);

}  // namespace rbmpi
