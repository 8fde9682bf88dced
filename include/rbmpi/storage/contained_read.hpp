#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "rbmpi/core/child_process.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/file_version.hpp"

namespace rbmpi {

/// Local. Runs `work`, which reads the HDF5 file `path`, in a child process (rbmpi/core/child_process.hpp) and gives
/// its result, or throws what it throws. On some damaged files HDF5 crashes or never comes back; here that is an
/// Error(Failure::file) that says so. So is a file that changes meanwhile (rbmpi/storage/file_version.hpp).
[[nodiscard]] std::string read_in_child(const std::filesystem::path& path, const std::function<std::string()>& work);

/// Local. How a child that reads HDF5 files is contained: see read_in_child.
[[nodiscard]] ChildOptions contained_reading();

/// Local. What `read` makes of the HDF5 file `path`, which it opens itself: what would crash this process crashes a
/// child first. Throws what `read` throws, and Error(Failure::file) if the file changes meanwhile.
template <typename Read>
[[nodiscard]] auto read_after_trial(const std::filesystem::path& path, const Read& read) {
  std::optional<decltype(read())> result;
  FileVersion(path).guard([&] {
    (void)read_in_child(path, [&] {
      try {
        (void)read();
      } catch (const Error&) {  // which this process will find as well, and of its own kind
      }
      return std::string();
    });
    result = read();
  });
  return std::move(*result);
}

}  // namespace rbmpi
