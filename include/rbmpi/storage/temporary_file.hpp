#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>

#include "rbmpi/core/system.hpp"

namespace rbmpi {

/// Local. Fills `bytes` and gives their number, which is smaller only at the end of what is copied.
using ReadBytes = std::function<std::size_t(std::span<std::byte> bytes)>;

/// Local. Copies what `read` gives into a new file without a name, in the folder TMPDIR or /tmp, open for reading and
/// writing. `name` is what is copied, for messages; Error(Failure::file) if the folder has no room.
[[nodiscard]] Descriptor temporary_copy(const std::filesystem::path& name, const ReadBytes& read);

/// Local. By which name this process, and children of it, open what a descriptor has open, from its first byte.
[[nodiscard]] std::filesystem::path path_of(const Descriptor& file);

/// Local. Calls `use` with a name of a temporary copy that is no link, as libraries want it that follow links
/// themselves. It has that name only so long.
void with_name(const Descriptor& temporary, const std::filesystem::path& name,
               const std::function<void(const std::filesystem::path&)>& use);

}  // namespace rbmpi
