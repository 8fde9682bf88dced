#include "rbmpi/train/checkpoint.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/file_version.hpp"
#include "rbmpi/storage/sealed_file.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "train/training_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr const char* metrics_name = "/metrics";

/// Of what is trained: the layer in work, or the whole net.
std::size_t parameters_of(const Model& model, std::uint32_t layer) {
  return model.net ? model.net->shape().parameters() : model.layers.at(layer).shape().parameters();
}

std::string optimizer_group(const Checkpoint& checkpoint, const std::string& name) {
  return layer_group(checkpoint.progress.layer) + "/" + name;
}

void write(Hdf5File& file, const Checkpoint& checkpoint) {
  write_model(file, checkpoint.model);
  write_progress(file, checkpoint.progress);
  std::string names;
  const Model& model = checkpoint.model;
  for (const SavedState::Memory& memory : checkpoint.optimizer) {
    if (model.net) {
      write_net_parameters(file, "/" + memory.name, model.net->shape(), memory.values.span());
    } else {
      write_parameters(file, optimizer_group(checkpoint, memory.name),
                       model.layers.at(checkpoint.progress.layer).shape(), memory.values.span());
    }
    names += (names.empty() ? "" : " ") + memory.name;
  }
  file.set_text_attribute(progress_group, optimizer_attribute, names);
  file.write_text(metrics_name, checkpoint.metrics);
}

bool holds_parameters(const Hdf5File& file, const std::string& group, RbmShape shape, std::span<const Real> values) {
  const RbmView<const Real> view(shape, values);
  return holds_values(file, group + "/weights", shape.visible, shape.hidden, view.weights.values) &&
         holds_values(file, group + "/visible_bias", shape.visible, 1, view.visible_bias.data()) &&
         holds_values(file, group + "/hidden_bias", shape.hidden, 1, view.hidden_bias.data());
}

bool holds_net_parameters(const Hdf5File& file, const std::string& part, const NetShape& shape,
                          std::span<const Real> values) {
  for (std::size_t k = 0; k < shape.layers(); ++k) {
    const std::string group = layer_group(k) + part;
    const NetLayer<const Real> layer = net_layer(shape, values, k);
    if (!holds_values(file, group + "/weights", layer.weights.rows, layer.weights.columns, layer.weights.values) ||
        !holds_values(file, group + "/bias", layer.bias.size(), 1, layer.bias.data())) {
      return false;
    }
  }
  return true;
}

/// Whether the file holds just these parameters and this memory of the optimizer.
bool holds_numbers(const Hdf5File& file, const Checkpoint& checkpoint) {
  const Model& model = checkpoint.model;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const Rbm& rbm = model.layers[i];
    if (!holds_parameters(file, layer_group(i), rbm.shape(), rbm.parameters())) return false;
  }
  if (model.net && !holds_net_parameters(file, "", model.net->shape(), model.net->parameters())) return false;
  return std::ranges::all_of(checkpoint.optimizer, [&](const SavedState::Memory& memory) {
    return model.net ? holds_net_parameters(file, "/" + memory.name, model.net->shape(), memory.values.span())
                     : holds_parameters(file, optimizer_group(checkpoint, memory.name),
                                        model.layers[checkpoint.progress.layer].shape(), memory.values.span());
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

}  // namespace

bool is_checkpoint(const Hdf5File& file) {
  return file.exists(progress_group);
}

bool holds(const Hdf5File& file, const Checkpoint& checkpoint) {
  return holds_description(file, checkpoint.model) && holds_numbers(file, checkpoint) &&
         read_progress(file) == checkpoint.progress && file.read_text(metrics_name) == checkpoint.metrics;
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
  const std::vector<std::string> names = memory_names(file);
  for (const std::string& name : names) {  // all of them, before memory is taken for the first
    if (model.net) {
      check_net_parameters(file, "/" + name, model.net->shape());
    } else {
      check_parameters(file, optimizer_group(checkpoint, name), model.layers[checkpoint.progress.layer].shape());
    }
  }
  for (const std::string& name : names) {
    SavedState::Memory memory{name, AlignedBuffer<Real>(parameters_of(model, checkpoint.progress.layer))};
    if (model.net) {
      read_net_parameters(file, "/" + name, model.net->shape(), memory.values.span());
    } else {
      read_parameters(file, optimizer_group(checkpoint, name), model.layers[checkpoint.progress.layer].shape(),
                      memory.values.span());
    }
    checkpoint.optimizer.push_back(std::move(memory));
  }
  checkpoint.metrics = file.read_text(metrics_name);
  return checkpoint;
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
