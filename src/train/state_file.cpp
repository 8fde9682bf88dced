#include "rbmpi/train/state_file.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/train/checkpoint.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "train/training_file.hpp"

namespace rbmpi {
namespace {

constexpr const char* format_name = "rbmpi-state";
constexpr std::int64_t format_version = 1;
constexpr const char* blocks_name = "/blocks";
constexpr const char* parameters_name = "/parameters";
constexpr const char* memories_group = "/optimizer";

std::string memory_name(const std::string& name) {
  return fmt::format("{}/{}", memories_group, name);
}

std::string names_of(std::span<const OptimizerMemory> memories) {
  std::string names;
  for (const OptimizerMemory& memory : memories) names += fmt::format("{}{}", names.empty() ? "" : " ", memory.name);
  return names;
}

void write_values(Hdf5File& file, const std::string& name, std::span<const Real> values) {
  file.create_array(name, ElementType::float32, {values.size()});
  file.write_rows(name, ElementType::float32, 0, values.size(), values.data());
}

void write(Hdf5File& file, const TrainingState& state) {
  file.set_text_attribute("/", "format", format_name);
  file.set_integers_attribute("/", "format_version", {format_version});
  file.write_text(blocks_name, to_text(state.blocks));
  write_values(file, parameters_name, state.parameters);
  file.create_group(memories_group);
  for (const OptimizerMemory& memory : state.optimizer) write_values(file, memory_name(memory.name), memory.values);
  write_progress(file, state.progress);
  file.set_text_attribute(progress_group, optimizer_attribute, names_of(state.optimizer));
}

bool holds(const Hdf5File& file, const TrainingState& state) {
  return holds_values(file, parameters_name, state.parameters.size(), 1, state.parameters.data()) &&
         std::ranges::all_of(state.optimizer,
                             [&](const OptimizerMemory& memory) {
                               return holds_values(file, memory_name(memory.name), memory.values.size(), 1,
                                                   memory.values.data());
                             }) &&
         file.read_text(blocks_name) == to_text(state.blocks) && read_progress(file) == state.progress &&
         file.text_attribute(progress_group, optimizer_attribute) == names_of(state.optimizer);
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

AlignedBuffer<Real> read_values(const Hdf5File& file, const std::string& name, std::size_t size) {
  const ArrayInfo info = file.array_info(name);
  if (info.type != ElementType::float32 || info.dimensions != std::vector<std::uint64_t>{size}) {
    refuse(file, fmt::format("has '{}' as {} [{}]; float32 [{}] would be right", name, info.type_name,
                             fmt::join(info.dimensions, " x "), size));
  }
  AlignedBuffer<Real> values(size);
  file.read_rows(name, ElementType::float32, 0, size, values.data());
  if (!std::ranges::all_of(values.span(), [](Real value) { return std::isfinite(value); })) {
    refuse(file, fmt::format("has a value in '{}' that is not finite", name));
  }
  return values;
}

SavedState read_state(const Hdf5File& file, const ParameterBlocks& blocks, const OptimizationOptions& options) {
  check_format(file);
  if (const std::string found = file.read_text(blocks_name); found != to_text(blocks)) {
    refuse(file, fmt::format("has parameters of another shape: {} instead of {}", found, to_text(blocks)));
  }
  Arena counted(ArenaUse::count);  // only the names are wanted
  const auto memories = optimizer(options.optimizer).make(blocks, options, counted)->memory();
  const std::string found = file.text_attribute(progress_group, optimizer_attribute).value_or("");
  if (found != names_of(memories)) {
    refuse(file, fmt::format("is of another optimizer: it remembers '{}', but optimizer = {} needs '{}'", found,
                             options.optimizer, names_of(memories)));
  }
  SavedState state{.parameters = read_values(file, parameters_name, blocks.size()),
                   .optimizer = {},
                   .progress = read_progress(file),
                   .blocks = blocks};
  for (const OptimizerMemory& memory : memories) {
    state.optimizer.push_back({memory.name, read_values(file, memory_name(memory.name), blocks.size())});
  }
  return state;
}

}  // namespace

void save_state(const std::filesystem::path& path, const TrainingState& state) {
  save_sealed(
      path, [&](Hdf5File& file) { write(file, state); }, [&](const Hdf5File& file) { return holds(file, state); });
}

SavedState load_state(const std::filesystem::path& path, const ParameterBlocks& blocks,
                      const OptimizationOptions& options) {
  return read_sealed(path, [&](const Hdf5File& file) { return read_state(file, blocks, options); });
}

}  // namespace rbmpi
