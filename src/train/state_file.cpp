#include "rbmpi/train/state_file.hpp"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "rbmpi/model/parameter_file.hpp"
#include "rbmpi/train/checkpoint.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "train/training_file.hpp"

namespace rbmpi {
namespace {

constexpr const char* format_name = "rbmpi-state";
constexpr std::int64_t format_version = 2;
constexpr const char* layout_name = "/layout";

/// What the optimizer remembers, in a group of its own, array by array.
ParameterLayout layout_of(const OptimizerMemory& memory, const ParameterLayout& layout) {
  return memory_layout(memory, layout.in_group(fmt::format("{}/{}", optimizer_group, memory.name)));
}

ParameterLayout parameters_layout(const ParameterLayout& layout) {
  return layout.in_group("/parameters");
}

void write(Hdf5File& file, const TrainingState& state) {
  file.set_text_attribute("/", "format", format_name);
  file.set_integers_attribute("/", "format_version", {format_version});
  file.write_text(layout_name, to_text(state.layout));
  write_parameters(file, parameters_layout(state.layout), state.parameters);
  for (const OptimizerMemory& memory : state.optimizer) {
    write_parameters(file, layout_of(memory, state.layout), memory.values);
  }
  write_progress(file, state.progress);
  file.set_text_attribute(progress_group, optimizer_attribute, names_of(state.optimizer));
  write_state_arrays(file, state.arrays);
}

bool holds(const Hdf5File& file, const TrainingState& state) {
  const auto holds_memory = [&](const OptimizerMemory& memory) {
    return holds_parameters(file, layout_of(memory, state.layout), memory.values);
  };
  return file.read_text(layout_name) == to_text(state.layout) &&
         holds_parameters(file, parameters_layout(state.layout), state.parameters) &&
         std::ranges::all_of(state.optimizer, holds_memory) && read_progress(file) == state.progress &&
         file.text_attribute(progress_group, optimizer_attribute) == names_of(state.optimizer) &&
         holds_state_arrays(file, state.arrays);
}

void check_format(const Hdf5File& file) {
  if (file.text_attribute("/", "format") != format_name) {
    refuse(file, fmt::format("is no state of an optimisation: its root has no attribute format = {}", format_name));
  }
  const auto version = file.integers_attribute("/", "format_version");
  if (!version || version->size() != 1 || version->front() != format_version) {
    refuse(file,
           fmt::format("has a format_version that this program does not know; it reads version {}", format_version));
  }
}

AlignedBuffer<Real> read_values(const Hdf5File& file, const ParameterLayout& layout) {
  check_parameters(file, layout);
  AlignedBuffer<Real> values(layout.size());
  read_parameters(file, layout, values.span());
  return values;
}

SavedState read_state(const Hdf5File& file, const ParameterLayout& layout, const OptimizationOptions& options) {
  check_format(file);
  if (const std::string found = file.read_text(layout_name); found != to_text(layout)) {
    refuse(file, fmt::format("has parameters of another layout: {} instead of {}", found, to_text(layout)));
  }
  Arena counted(ArenaUse::count);  // only the names are wanted
  const auto memories = optimizer(options.optimizer).make(layout, options, counted)->memory();
  const std::string found = file.text_attribute(progress_group, optimizer_attribute).value_or("");
  if (found != names_of(memories)) {
    refuse(file, fmt::format("is of another optimizer: it remembers '{}', but optimizer = {} needs '{}'", found,
                             options.optimizer, names_of(memories)));
  }
  SavedState state{.parameters = read_values(file, parameters_layout(layout)),
                   .optimizer = {},
                   .arrays = read_state_arrays(file),
                   .progress = read_progress(file),
                   .layout = layout};
  for (const OptimizerMemory& memory : memories) {
    state.optimizer.push_back({memory.name, read_values(file, layout_of(memory, layout)), memory.rows, memory.columns});
  }
  return state;
}

}  // namespace

void save_state(const std::filesystem::path& path, const TrainingState& state) {
  save_sealed(
      path, [&](Hdf5File& file) { write(file, state); }, [&](const Hdf5File& file) { return holds(file, state); });
}

SavedState load_state(const std::filesystem::path& path, const ParameterLayout& layout,
                      const OptimizationOptions& options) {
  return read_sealed(path, [&](const Hdf5File& file) { return read_state(file, layout, options); });
}

}  // namespace rbmpi
