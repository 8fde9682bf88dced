#include "rbmpi/storage/contained_read.hpp"

#include <fmt/format.h>

#include "rbmpi/core/child_process.hpp"

namespace rbmpi {
namespace {

/// For endless loops in the library. Each reading of rows begins with a sign of life and is given the time that it may
/// take at most (Hdf5File::read_rows); what comes between takes milliseconds.
constexpr unsigned seconds_without_life = 10;

}  // namespace

ChildOptions contained_reading() {
  return {.on_crash = "the HDF5 library crashed on it, so the file is damaged or made to do harm",
          .cpu_seconds = seconds_without_life};
}

std::string read_in_child(const std::filesystem::path& path, const std::function<std::string()>& work) {
  std::string result;
  FileVersion(path).guard(
      [&] { result = run_in_child(fmt::format("read '{}'", path.string()), work, contained_reading()); });
  return result;
}

}  // namespace rbmpi
