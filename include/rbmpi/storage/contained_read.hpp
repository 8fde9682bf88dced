#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace rbmpi {

/// Local. Runs `work`, which reads the HDF5 file `path`, in a child process (rbmpi/core/child_process.hpp) and gives its
/// result, or throws what it throws. HDF5 crashes on some damaged files; here that is an Error(Failure::file) that says
/// so. `bytes` is what `work` reads at most, decompressed: more of it may take more processor time before the child is
/// ended.
[[nodiscard]] std::string read_in_child(const std::filesystem::path& path, std::uint64_t bytes,
                                        const std::function<std::string()>& work);

}  // namespace rbmpi
