#include "rbmpi/model/model_file.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/model/parameter_file.hpp"
#include "rbmpi/storage/atomic_file.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {
namespace {

constexpr const char* format_name = "rbmpi-model";
constexpr const char* net_format_name = "rbmpi-net";
constexpr std::int64_t format_version = 1;
constexpr const char* classes_name = "/classes";
constexpr const char* class_names_name = "/class_names";
constexpr const char* code_layer_attribute = "code_layer";

// Texts in the root that describe where a model came from, in the order in which they are written and shown.
constexpr std::array provenance_names = {"program",
                                         "mpi",
                                         "blas",
                                         "hdf5",
                                         "created",
                                         "command",
                                         "dataset",
                                         "dataset_digest",
                                         "dataset_rows",
                                         "dataset_picture",
                                         "validation_digest",
                                         "epoch",
                                         "pretrained_digest"};

/// Whether the file is a net; throws if it is neither that nor a stack of RBMs.
bool is_net(const Hdf5File& file) {
  const std::optional<std::string> format = file.text_attribute("/", "format");
  if (format != format_name && format != net_format_name) {
    refuse(file, fmt::format("is no model: its root has no attribute format = {} or {}", format_name, net_format_name));
  }
  const auto version = file.integers_attribute("/", "format_version");
  if (version && (version->size() != 1 || version->front() != format_version)) {
    refuse(file,
           fmt::format("has a format_version that this program does not know; it reads version {}", format_version));
  }
  return format == net_format_name;
}

/// Units below and above the weights of a layer, from which its shape follows. Larger layers fit no matrix product;
/// that they fit the memory, all together, `array_info` sees to.
std::pair<std::uint64_t, std::uint64_t> units_of_weights(const Hdf5File& file, const std::string& group) {
  const std::string name = group + "/weights";
  if (!file.exists(name)) refuse(file, fmt::format("is not whole: '{}' is missing", name));
  const std::vector<std::uint64_t> extents = file.array_info(name).dimensions;
  const auto fits = [](std::uint64_t extent) { return extent > 0 && extent <= largest_layer; };
  if (extents.size() != 2 || !std::ranges::all_of(extents, fits)) {
    refuse(file, fmt::format("has '{}' as [{}]; two dimensions, of 1 to {} units each, would be right", name,
                             fmt::join(extents, " x "), largest_layer));
  }
  return {extents[0], extents[1]};
}

const UnitEntry* read_unit(const Hdf5File& file, const std::string& group, const std::string& attribute) {
  const std::optional<std::string> name = file.text_attribute(group, attribute);
  if (!name) return &bernoulli_unit;
  const UnitEntry* const found = find_unit(*name);
  if (found == nullptr) {
    refuse(file, fmt::format("has {} = {} in '{}'; this program knows {}", attribute, *name, group, unit_names()));
  }
  return found;
}

RbmShape read_layer_shape(const Hdf5File& file, std::size_t layer) {
  const std::string group = layer_group(layer);
  const auto [visible, hidden] = units_of_weights(file, group);
  const RbmShape shape{visible, hidden, read_unit(file, group, "visible_unit"), read_unit(file, group, "hidden_unit")};
  check_parameters(file, rbm_layout(shape, layer));
  return shape;
}

void write_layer(Hdf5File& file, std::size_t layer, const Rbm& rbm) {
  const std::string group = layer_group(layer);
  write_parameters(file, rbm_layout(rbm.shape(), layer), rbm.parameters());
  file.set_text_attribute(group, "visible_unit", std::string(rbm.shape().visible_unit->name));
  file.set_text_attribute(group, "hidden_unit", std::string(rbm.shape().hidden_unit->name));
}

std::string chains_name(std::size_t layer) {
  return layer_group(layer) + "/chains";
}

/// Throws if a layer has chains that cannot be read, or that its units cannot have.
void check_layer_chains(const Hdf5File& file, std::size_t layer, RbmShape shape) {
  const std::string name = chains_name(layer);
  if (!file.exists(name)) return;
  if (!shape.visible_unit->logistic) {
    refuse(file, fmt::format("has '{}', zeros and ones, but the visible units of the layer are {}", name,
                             shape.visible_unit->name));
  }
  check_chains(file, name, shape.visible);
}

void write_layer_chains(Hdf5File& file, std::size_t layer, const ChainStates& states) {
  // More effort gains little, and would make of states that are all equal more than a reader believes (Hdf5File::open).
  constexpr int least_effort = 1;
  write_chains(file, chains_name(layer), ElementType::uint8, states.view(), least_effort);
}

/// Whether a file has just these chains.
bool holds_layer_chains(const Hdf5File& file, const Model& model) {
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const auto found = model.chains.find(i);
    if (file.exists(chains_name(i)) != (found != model.chains.end())) return false;
    if (found != model.chains.end() && !holds_chains(file, chains_name(i), found->second)) return false;
  }
  return true;
}

std::vector<RbmShape> read_stack_shapes(const Hdf5File& file) {
  std::vector<RbmShape> layers;
  while (file.exists(layer_group(layers.size()))) {
    layers.push_back(read_layer_shape(file, layers.size()));
  }
  if (layers.empty()) refuse(file, "is no whole model: it has no group 'layer_0'");
  return layers;
}

/// Classes whose units are beside those of the features in the highest layer.
std::vector<std::int32_t> read_classes(const Hdf5File& file, std::size_t outputs);

void read_stack(const Hdf5File& file, Model& model) {
  const std::vector<RbmShape> layers = read_stack_shapes(file);
  if (file.exists(classes_name)) {
    const std::size_t visible = layers.back().visible;
    const std::size_t below = layers.size() > 1 ? layers[layers.size() - 2].hidden : 0;
    const ArrayInfo info = file.array_info(classes_name);
    const bool fits = info.dimensions.size() == 1 && info.dimensions[0] > 0 && info.dimensions[0] < visible &&
                      (layers.size() == 1 || info.dimensions[0] == visible - std::min(visible, below));
    if (!fits) {
      refuse(file, fmt::format("has '{}' as [{}], which does not fit the {} visible units of the highest layer",
                               classes_name, fmt::join(info.dimensions, " x "), visible));
    }
    model.classes = read_classes(file, info.dimensions[0]);
  }
  for (std::size_t i = 1; i < layers.size(); ++i) {
    const std::size_t below = layers[i - 1].hidden;
    if (layers[i].visible != below + (i + 1 == layers.size() ? model.classes.size() : 0)) {
      refuse(file, fmt::format("has {} visible units in layer_{}, but {} hidden units in the layer below",
                               layers[i].visible, i, below));
    }
    const UnitEntry& visible = *layers[i].visible_unit;
    if (&visible == layers[i - 1].hidden_unit) continue;
    refuse(file,
           fmt::format("has {} units as the visible ones of layer_{}, but {} as the hidden ones of the layer below",
                       visible.name, i, layers[i - 1].hidden_unit->name));
  }
  for (std::size_t i = 0; i < layers.size(); ++i) check_layer_chains(file, i, layers[i]);
  // The sizes of all layers are known to fit, the file and each other, before the first one is read.
  for (std::size_t i = 0; i < layers.size(); ++i) {
    Rbm& rbm = model.layers.emplace_back(layers[i]);
    read_parameters(file, rbm_layout(rbm.shape(), i), rbm.parameters());
    if (file.exists(chains_name(i))) model.chains[i] = read_chains(file, chains_name(i), rbm.shape().visible);
  }
}

NetShape read_net_shape(const Hdf5File& file) {
  NetShape shape;
  for (std::size_t k = 0; file.exists(layer_group(k)); ++k) {
    const std::string group = layer_group(k);
    const auto [inputs, outputs] = units_of_weights(file, group);
    if (k == 0) shape.units.push_back(inputs);
    if (shape.units.back() != inputs) {
      refuse(file, fmt::format("has {} in layer_{}, but {} in the layer below", plural(inputs, "input"), k,
                               plural(shape.units.back(), "unit")));
    }
    shape.units.push_back(outputs);
    const std::string unit = file.text_attribute(group, "unit").value_or("");
    const std::optional<Activation> activation = activation_of(unit);
    if (!activation) {
      refuse(file, fmt::format("has unit = {} in '{}'; this program knows sigmoid, linear and softmax", unit, group));
    }
    shape.activations.push_back(*activation);
  }
  if (shape.activations.empty()) refuse(file, "is no whole net: it has no group 'layer_0'");
  if (std::ranges::find(shape.activations, Activation::softmax) < shape.activations.end() - 1) {
    refuse(file, "has a softmax below its outputs");
  }
  check_parameters(file, net_layout(shape));
  return shape;
}

std::vector<std::int32_t> read_classes(const Hdf5File& file, std::size_t outputs) {
  if (!file.exists(classes_name)) refuse(file, fmt::format("is no whole net: '{}' is missing", classes_name));
  const ArrayInfo info = file.array_info(classes_name);
  if (info.type != ElementType::int32 || info.dimensions != std::vector<std::uint64_t>{outputs}) {
    refuse(file, fmt::format("has '{}' as {} [{}]; int32 [{}], one for each output, would be right", classes_name,
                             info.type_name, fmt::join(info.dimensions, " x "), outputs));
  }
  std::vector<std::int32_t> classes(outputs);
  file.read_rows(classes_name, ElementType::int32, 0, outputs, classes.data());
  if (std::ranges::adjacent_find(classes, std::greater_equal()) != classes.end()) {
    refuse(file, fmt::format("has classes in '{}' that do not rise", classes_name));
  }
  return classes;
}

/// The names of so many classes, if they have some.
std::vector<std::string> read_class_names(const Hdf5File& file, std::size_t classes) {
  if (!file.exists(class_names_name)) return {};
  const ArrayInfo info = file.array_info(class_names_name);
  if (!info.texts || classes == 0 || info.dimensions != std::vector<std::uint64_t>{classes}) {
    refuse(file, fmt::format("has '{}' as {} [{}]; texts [{}], one for each of '{}', would be right", class_names_name,
                             info.type_name, fmt::join(info.dimensions, " x "), classes, classes_name));
  }
  return file.read_texts(class_names_name, 0, classes);
}

std::size_t read_code_layer(const Hdf5File& file, const NetShape& shape) {
  const auto code_layer = file.integers_attribute("/", code_layer_attribute);
  if (!code_layer) return 0;
  if (code_layer->size() != 1 || code_layer->front() < 0 ||
      static_cast<std::uint64_t>(code_layer->front()) >= shape.layers()) {
    refuse(file, fmt::format("has a {} that is none of its {} layers below the outputs", code_layer_attribute,
                             shape.layers() - 1));
  }
  return static_cast<std::size_t>(code_layer->front());
}

void read_net(const Hdf5File& file, Model& model) {
  const NetShape shape = read_net_shape(file);
  model.net.emplace(shape);
  read_parameters(file, model.net->layout(), model.net->parameters());
  if (shape.is_classifier()) model.classes = read_classes(file, shape.outputs());
  model.code_layer = read_code_layer(file, shape);
}

void write_net(Hdf5File& file, const Model& model) {
  const FeedForwardNet& net = *model.net;
  write_parameters(file, net.layout(), net.parameters());
  for (std::size_t k = 0; k < net.shape().layers(); ++k) {
    file.set_text_attribute(layer_group(k), "unit", std::string(activation_name(net.shape().activations[k])));
  }
  if (model.code_layer > 0) {
    file.set_integers_attribute("/", code_layer_attribute, {static_cast<std::int64_t>(model.code_layer)});
  }
}

}  // namespace

std::string model_digest(const Model& model) {
  return model.net ? net_digest(*model.net) : model_digest(model.layers);
}

void refuse_net(const Model& model, const std::filesystem::path& path) {
  if (!model.net) return;
  throw Error(Failure::file,
              fmt::format("'{}' is a net of {} units, not an RBM; predict, evaluate and transform take it",
                          path.string(), to_text(model.net->shape())));
}

void refuse_stack(const Model& model, const std::filesystem::path& path) {
  if (model.net) return;
  throw Error(Failure::file, fmt::format("'{}' is a model of {}, not a net; finetune makes a net of it, and evaluate, "
                                         "sample, transform and export take it as it is",
                                         path.string(), plural(model.layers.size(), "RBM layer")));
}

Model load_model(const std::filesystem::path& path) {
  return read_after_trial(path, [&] { return read_model(Hdf5File::open(path)); });
}

Model read_model(const Hdf5File& file) {
  const bool net = is_net(file);
  Model model;
  if (net) {
    read_net(file, model);
  } else {
    read_stack(file, model);
  }
  model.class_names = read_class_names(file, model.classes.size());
  if (file.exists("/config")) model.configuration = file.read_text("/config");
  for (const char* name : provenance_names) {
    if (const auto text = file.text_attribute("/", name)) model.provenance[name] = *text;
  }
  return model;
}

void write_model(Hdf5File& file, const Model& model) {
  file.set_text_attribute("/", "format", model.net ? net_format_name : format_name);
  file.set_integers_attribute("/", "format_version", {format_version});
  for (const char* name : provenance_names) {
    if (const auto text = model.provenance.find(name); text != model.provenance.end()) {
      file.set_text_attribute("/", name, text->second);
    }
  }
  for (std::size_t i = 0; i < model.layers.size(); ++i) write_layer(file, i, model.layers[i]);
  for (const auto& [layer, states] : model.chains) write_layer_chains(file, layer, states);
  if (model.net) write_net(file, model);
  if (!model.classes.empty()) {
    file.create_array(classes_name, ElementType::int32, {model.classes.size()});
    file.write_rows(classes_name, ElementType::int32, 0, model.classes.size(), model.classes.data());
  }
  if (!model.class_names.empty()) file.write_texts(class_names_name, model.class_names);
  if (!model.configuration.empty()) file.write_text("/config", model.configuration);
}

bool holds_description(const Hdf5File& file, const Model& model) {
  if (is_net(file) != model.net.has_value()) return false;
  if (model.net) {
    const NetShape& shape = model.net->shape();
    if (read_net_shape(file) != shape || read_code_layer(file, shape) != model.code_layer) return false;
  } else if (!std::ranges::equal(read_stack_shapes(file), model.layers, {}, {}, &Rbm::shape) ||
             !holds_layer_chains(file, model)) {
    return false;
  }
  if (file.exists(classes_name) == model.classes.empty()) return false;
  if (!model.classes.empty() && read_classes(file, model.classes.size()) != model.classes) return false;
  if (read_class_names(file, model.classes.size()) != model.class_names) return false;
  if (file.exists("/config") == model.configuration.empty()) return false;
  if (!model.configuration.empty() && file.read_text("/config") != model.configuration) return false;
  return std::ranges::all_of(provenance_names, [&](const char* name) {
    const auto text = model.provenance.find(name);
    return file.text_attribute("/", name) ==
           (text == model.provenance.end() ? std::nullopt : std::optional(text->second));
  });
}

void save_model(const std::filesystem::path& path, const Model& model) {
  AtomicFile atomic(path);
  Hdf5File file = Hdf5File::create(atomic.temporary(), path);
  write_model(file, model);
  file.close();
  atomic.commit();
}

}  // namespace rbmpi
