#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rbmpi/core/real.hpp"
#include "rbmpi/model/parameter_layout.hpp"
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
/// The group of what has not the layout of the parameters.
inline constexpr const char* optimizer_group = "/optimizer";

void write_progress(Hdf5File& file, const TrainingProgress& progress);

/// The arrays that a gradient function remembers, each with all its rows, as `/state/<name>`. Reading throws if there
/// is one that no training can have.
void write_state_array(Hdf5File& file, const std::string& name, ElementType type, std::uint64_t rows,
                       std::uint64_t columns, const void* values);
[[nodiscard]] bool holds_state_array(const Hdf5File& file, const std::string& name, ElementType type,
                                     std::uint64_t rows, std::uint64_t columns, const void* values);
[[nodiscard]] std::vector<SavedState::Array> read_state_arrays(const Hdf5File& file);

/// All of them, StateArray or SavedState::Array.
template <typename Arrays>
void write_state_arrays(Hdf5File& file, const Arrays& arrays) {
  for (const auto& array : arrays) {
    write_state_array(file, array.name, array.type, array.rows, array.columns, array.values.data());
  }
}
template <typename Arrays>
[[nodiscard]] bool holds_state_arrays(const Hdf5File& file, const Arrays& arrays) {
  return std::ranges::all_of(arrays, [&](const auto& array) {
    return holds_state_array(file, array.name, array.type, array.rows, array.columns, array.values.data());
  });
}

/// Where a file has something that an optimizer remembers, OptimizerMemory or SavedState::Memory: `of_parameters` where
/// it has their layout, else it is `/optimizer/<name>`.
template <typename Memory>
[[nodiscard]] ParameterLayout memory_layout(const Memory& memory, ParameterLayout of_parameters) {
  if (memory.rows == 0) return of_parameters;
  return ParameterLayout({{.path = optimizer_group + ("/" + std::string(memory.name)),
                           .rows = memory.rows,
                           .columns = memory.columns,
                           .is_matrix = true}});
}

/// The names of what an optimizer remembers as one text.
template <typename Memories>
[[nodiscard]] std::string names_of(const Memories& memories) {
  std::string names;
  for (const auto& memory : memories) {
    if (!names.empty()) names += ' ';
    names += memory.name;
  }
  return names;
}

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
