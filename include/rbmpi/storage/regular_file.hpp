#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include <sys/types.h>

#include "rbmpi/core/system.hpp"

namespace rbmpi {

// Files that others name may be pipes and devices, which can be waited for without end. All of it is Local.

/// What a file of this mode is if it is no regular one: "it is a pipe, not a regular file"; else empty.
[[nodiscard]] std::string other_kind(mode_t mode);

/// Whether there is a file or folder of that name, behind links; no if that cannot be found out.
[[nodiscard]] bool is_there(const std::filesystem::path& path);

/// Opens a file for reading, without waiting for anything. Throws Error(Failure::file), "cannot read 'a': ...", if it
/// is missing, may not be read or is no regular file.
[[nodiscard]] Descriptor open_to_read(const std::filesystem::path& path);

/// The bytes at the beginning of such a file, at most `count`.
[[nodiscard]] std::string first_bytes(const std::filesystem::path& path, std::size_t count);

}  // namespace rbmpi
