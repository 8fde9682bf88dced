#pragma once

#include <filesystem>
#include <string>

#include <hdf5.h>

#include "storage/hdf5_handle.hpp"

namespace rbmpi::hdf5 {

// The way to an object by its name, which never leaves the file. All of it is Local.

/// A property list of `kind` with which the library fails where it would follow a link into another file.
[[nodiscard]] Handle link_access(hid_t kind, const std::filesystem::path& file);
[[nodiscard]] Handle open_object(hid_t file_id, const std::string& name, const char* doing,
                                 const std::filesystem::path& file);
/// Whether an object of that name exists. HDF5 follows no link that was not looked at: soft links are followed here,
/// and a link that leaves the file is refused.
[[nodiscard]] bool find_object(hid_t file_id, const std::string& name, const std::filesystem::path& file);

}  // namespace rbmpi::hdf5
