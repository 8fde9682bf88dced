#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace rbmpi {

/// Local. The first `longest` bytes of a file, plain or gzip. Throws Error(Failure::file).
[[nodiscard]] std::string read_text_file(const std::filesystem::path& path, std::size_t longest);

/// Local. Writes a text; the file appears whole or not at all, and replaces one that was there. Throws
/// Error(Failure::file).
void write_text_file(const std::filesystem::path& path, const std::string& text);

}  // namespace rbmpi
