#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace rbmpi {

/// Local. Runs `work`, which reads the HDF5 file `path`, in a child process (rbmpi/core/child_process.hpp) and gives
/// its result, or throws what it throws. On some damaged files HDF5 crashes or never comes back; here that is an
/// Error(Failure::file) that says so. The processor time that the child may take grows with the length of the file.
[[nodiscard]] std::string read_in_child(const std::filesystem::path& path, const std::function<std::string()>& work);

}  // namespace rbmpi
