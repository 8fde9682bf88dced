#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "rbmpi/core/real.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/file_version.hpp"
#include "rbmpi/storage/hdf5_file.hpp"
#include "rbmpi/storage/sealed_file.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

// What checkpoints and the states of gradient functions of one's own have in common as files. All of it is Local.

/// Where a training stands, in attributes of this group.
inline constexpr const char* progress_group = "/progress";
/// Its attribute with the names of what the optimizer remembers, with blanks between them.
inline constexpr const char* optimizer_attribute = "optimizer";

[[noreturn]] void refuse(const Hdf5File& file, const std::string& what);

void write_progress(Hdf5File& file, const TrainingProgress& progress);

/// Whether an array of the file holds these bits.
[[nodiscard]] bool holds_values(const Hdf5File& file, const std::string& name, std::uint64_t rows, std::size_t row_size,
                                const Real* values);

/// Writes a file to a temporary one, seals it, reads it back from the disk, asks whether it `holds` what was to be
/// written, and gives it its name. Throws Error(Failure::file) and leaves a file that was there as it was.
void save_sealed(const std::filesystem::path& path, const std::function<void(Hdf5File&)>& write,
                 const std::function<bool(const Hdf5File&)>& holds);

/// What `read` makes of a file whose seal is right, which tells of no accident, but not of no intent. Throws
/// DamagedFile if it is not, and what `read` throws.
template <typename Read>
auto read_sealed(const std::filesystem::path& path, const Read& read) {
  std::optional<decltype(read(std::declval<Hdf5File>()))> result;
  FileVersion(path).guard([&] {
    check_seal(path);
    result = read_after_trial(path, [&] { return read(Hdf5File::open(path)); });
  });
  return std::move(*result);
}

}  // namespace rbmpi
