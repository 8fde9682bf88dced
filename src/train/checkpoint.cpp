#include "rbmpi/train/checkpoint.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/model/parameter_file.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/file_version.hpp"
#include "rbmpi/storage/sealed_file.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "train/kept_chains.hpp"
#include "train/training_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr const char* metrics_name = "/metrics";

/// Of what is trained: the layer in work, or the whole net.
ParameterLayout layout_in_work(const Model& model, std::uint32_t layer) {
  return model.net ? model.net->layout() : rbm_layout(model.layers.at(layer).shape(), layer);
}

void write(Hdf5File& file, const Checkpoint& checkpoint) {
  write_model(file, checkpoint.model);
  write_progress(file, checkpoint.progress);
  const ParameterLayout layout = layout_in_work(checkpoint.model, checkpoint.progress.layer);
  for (const SavedState::Memory& memory : checkpoint.optimizer) {
    write_parameters(file, memory_layout(memory, layout.of_memory(memory.name)), memory.values.span());
  }
  file.set_text_attribute(progress_group, optimizer_attribute, names_of(checkpoint.optimizer));
  write_state_arrays(file, checkpoint.arrays);
  file.write_text(metrics_name, checkpoint.metrics);
}

/// Whether the file holds just these parameters and this memory of the optimizer.
bool holds_numbers(const Hdf5File& file, const Checkpoint& checkpoint) {
  const Model& model = checkpoint.model;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const Rbm& rbm = model.layers[i];
    if (!holds_parameters(file, rbm_layout(rbm.shape(), i), rbm.parameters())) return false;
  }
  if (model.net && !holds_parameters(file, model.net->layout(), model.net->parameters())) return false;
  const ParameterLayout layout = layout_in_work(model, checkpoint.progress.layer);
  return std::ranges::all_of(checkpoint.optimizer, [&](const SavedState::Memory& memory) {
    return holds_parameters(file, memory_layout(memory, layout.of_memory(memory.name)), memory.values.span());
  });
}

/// What the optimizer remembers, each name once: an array counts once for each name (Hdf5File::open), so it is repeated
/// names that could take any memory.
std::vector<std::string> memory_names(const Hdf5File& file) {
  std::istringstream text(file.text_attribute(progress_group, optimizer_attribute).value_or(""));
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (std::string name; text >> name;) {
    if (!seen.insert(name).second) {
      refuse(file, fmt::format("names '{}' twice in the attribute '{}' of '{}'; once would be right", name,
                               optimizer_attribute, progress_group));
    }
    names.push_back(std::move(name));
  }
  return names;
}

/// Something that the optimizer remembers, as the file has it, without its values.
SavedState::Memory memory_in(const Hdf5File& file, const std::string& name) {
  SavedState::Memory memory{.name = name, .values = {}};
  const std::string path = fmt::format("{}/{}", optimizer_group, name);
  if (!file.exists(path)) return memory;
  const ArrayInfo info = file.array_info(path);
  if (info.dimensions.size() != 2 || info.dimensions[0] == 0 || info.dimensions[1] == 0) {
    refuse(file,
           fmt::format("has '{}' as [{}]; two dimensions would be right", path, fmt::join(info.dimensions, " x ")));
  }
  memory.rows = info.dimensions[0];
  memory.columns = info.dimensions[1];
  return memory;
}

/// Gives a model the chains of the layer in work, which are among the arrays of its training.
void add_chains_in_work(Model& model, std::size_t layer, std::span<const SavedState::Array> arrays) {
  if (layer >= model.layers.size()) return;  // of a net
  ChainStates chains = kept_chains(arrays, model.layers[layer].shape());
  if (chains.rows > 0) model.chains[layer] = std::move(chains);
}

}  // namespace

bool is_checkpoint(const Hdf5File& file) {
  return file.exists(progress_group);
}

bool holds(const Hdf5File& file, const Checkpoint& checkpoint) {
  return holds_description(file, checkpoint.model) && holds_numbers(file, checkpoint) &&
         holds_state_arrays(file, checkpoint.arrays) && read_progress(file) == checkpoint.progress &&
         file.read_text(metrics_name) == checkpoint.metrics;
}

void save_checkpoint(const fs::path& path, const Checkpoint& checkpoint) {
  save_sealed(
      path, [&](Hdf5File& file) { write(file, checkpoint); },
      [&](const Hdf5File& file) { return holds(file, checkpoint); });
}

Checkpoint read_checkpoint(const Hdf5File& file) {
  if (!is_checkpoint(file)) refuse(file, "is a model, but no checkpoint: it has no '/progress'");
  Checkpoint checkpoint{.model = read_model(file), .optimizer = {}, .progress = read_progress(file), .metrics = {}};
  const Model& model = checkpoint.model;
  const std::size_t layers = model.net ? 1 : model.layers.size();  // those of a net are trained together
  if (checkpoint.progress.layer >= layers) {
    throw DamagedFile(file.path(), fmt::format("it claims to be in layer {} of {}", checkpoint.progress.layer, layers));
  }
  const ParameterLayout layout = layout_in_work(model, checkpoint.progress.layer);
  const auto layout_of = [&](const SavedState::Memory& memory) {
    return memory_layout(memory, layout.of_memory(memory.name));
  };
  // All of them are checked before memory is taken for the first.
  for (const std::string& name : memory_names(file)) {
    check_parameters(file, layout_of(checkpoint.optimizer.emplace_back(memory_in(file, name))));
  }
  for (SavedState::Memory& memory : checkpoint.optimizer) {
    const ParameterLayout of_memory = layout_of(memory);
    memory.values = AlignedBuffer<Real>(of_memory.size());
    read_parameters(file, of_memory, memory.values.span());
  }
  checkpoint.arrays = read_state_arrays(file);
  checkpoint.metrics = file.read_text(metrics_name);
  return checkpoint;
}

Model take_model(Checkpoint& checkpoint) {
  add_chains_in_work(checkpoint.model, checkpoint.progress.layer, checkpoint.arrays);
  return std::move(checkpoint.model);
}

Model read_model_so_far(const Hdf5File& file) {
  Model model = read_model(file);
  if (is_checkpoint(file)) add_chains_in_work(model, read_progress(file).layer, read_state_arrays(file));
  return model;
}

Checkpoint load_checkpoint(const fs::path& path) {
  return read_sealed(path, read_checkpoint);
}

std::optional<Checkpoint> newest_checkpoint(const RunFolder& folder,
                                            const std::function<std::string(const Checkpoint&)>& difference,
                                            const std::function<void(const std::string&)>& warn,
                                            std::string& unusable) {
  std::map<std::uint64_t, std::string> of_others;  // steps, and why they cannot be used
  for (const std::uint64_t steps : folder.checkpoints()) {
    const fs::path file = folder.checkpoint(steps);
    const FileVersion version(file);
    std::string why;
    try {
      check_seal(file);
      Checkpoint checkpoint = read_after_trial(file, [&] { return read_checkpoint(Hdf5File::open(file)); });
      version.throw_if_changed();
      why = difference(checkpoint);
      if (why.empty() && checkpoint.progress.steps != steps) {
        why = fmt::format("it is of step {}", checkpoint.progress.steps);
      }
      if (why.empty()) {
        for (const auto& [other, reason] : of_others) {
          const fs::path name = folder.set_aside(other, "foreign").filename();
          warn(fmt::format("'{}' is skipped: it is not of this run: {}; it is now '{}'",
                           folder.checkpoint(other).string(), reason, name.string()));
        }
        return checkpoint;
      }
    } catch (const DamagedFile& error) {
      const fs::path name = folder.set_aside(steps, "damaged").filename();
      warn(fmt::format("'{}' is skipped: {}; it is now '{}'", file.string(), error.why(), name.string()));
      continue;
    } catch (const Error& error) {
      if (error.failure() != Failure::file) throw;  // too little memory, say, is not the file's fault
      version.throw_if_changed();
      why = error.what();
    }
    if (unusable.empty()) unusable = fmt::format("'{}': {}", file.filename().string(), why);
    of_others[steps] = std::move(why);
  }
  return std::nullopt;
}

}  // namespace rbmpi
