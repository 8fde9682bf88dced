#include "rbmpi/model/model_file.hpp"

#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/storage/atomic_file.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {
namespace {

constexpr const char* format_name = "rbmpi-model";
constexpr std::int64_t format_version = 1;
constexpr const char* bernoulli = "bernoulli";

// Texts in the root that describe where a model came from, in the order in which they are written and shown.
constexpr std::array provenance_names = {
    "program",           "mpi",     "blas",           "hdf5",         "created",
    "command",           "dataset", "dataset_digest", "dataset_rows", "dataset_picture",
    "validation_digest", "epoch"};

[[noreturn]] void refuse(const Hdf5File& file, const std::string& what) {
  throw Error(Failure::file, fmt::format("'{}' {}", file.path().string(), what));
}

void check_format(const Hdf5File& file) {
  if (file.text_attribute("/", "format") != format_name) {
    refuse(file, fmt::format("is no model: its root has no attribute format = {}", format_name));
  }
  const auto version = file.integers_attribute("/", "format_version");
  if (version && (version->size() != 1 || version->front() != format_version)) {
    refuse(file,
           fmt::format("has a format_version that this program does not know; it reads version {}", format_version));
  }
}

/// Checks that an array is float32 of this many dimensions, and returns its extents.
std::vector<std::uint64_t> extents(const Hdf5File& file, const std::string& name, std::size_t dimensions) {
  if (!file.exists(name)) refuse(file, fmt::format("is no whole model: '{}' is missing", name));
  const ArrayInfo info = file.array_info(name);
  if (info.type != ElementType::float32 || info.dimensions.size() != dimensions) {
    refuse(file, fmt::format("has '{}' as {} with {} dimension(s); a model has float32 with {}", name, info.type_name,
                             info.dimensions.size(), dimensions));
  }
  return info.dimensions;
}

void read_values(const Hdf5File& file, const std::string& name, const std::vector<std::uint64_t>& shape,
                 std::span<Real> values) {
  if (extents(file, name, shape.size()) != shape) {
    refuse(file, fmt::format("has '{}' in another shape than [{}]", name, fmt::join(shape, " x ")));
  }
  file.read_rows(name, ElementType::float32, 0, shape.front(), values.data());
  for (const Real value : values) {
    if (!std::isfinite(value)) refuse(file, fmt::format("has a value in '{}' that is not finite", name));
  }
}

void write_values(Hdf5File& file, const std::string& name, const std::vector<std::uint64_t>& shape,
                  const Real* values) {
  file.create_array(name, ElementType::float32, shape);
  file.write_rows(name, ElementType::float32, 0, shape.front(), values);
}

void check_unit(const Hdf5File& file, const std::string& group, const std::string& attribute) {
  const std::string unit = file.text_attribute(group, attribute).value_or(bernoulli);
  if (unit != bernoulli) {
    refuse(file, fmt::format("has {} = {} in '{}'; this program knows {}", attribute, unit, group, bernoulli));
  }
}

Rbm read_layer(const Hdf5File& file, const std::string& group) {
  const auto weights = extents(file, group + "/weights", 2);
  const auto visible_bias = extents(file, group + "/visible_bias", 1);
  const auto hidden_bias = extents(file, group + "/hidden_bias", 1);
  if (weights[0] == 0 || weights[1] == 0 || visible_bias[0] != weights[0] || hidden_bias[0] != weights[1]) {
    refuse(file, fmt::format("has weights [{} x {}], visible_bias [{}] and hidden_bias [{}] in '{}', which do not fit "
                             "together",
                             weights[0], weights[1], visible_bias[0], hidden_bias[0], group));
  }
  // No size is believed before it was compared with the memory; `array_info` compared it with the file's length.
  const std::uint64_t most = available_memory() / sizeof(Real);
  if (weights[0] > largest_layer || weights[1] > largest_layer || weights[0] * weights[1] > most) {
    refuse(file,
           fmt::format("claims weights [{} x {}] in '{}', which do not fit the memory", weights[0], weights[1], group));
  }
  check_unit(file, group, "visible_unit");
  check_unit(file, group, "hidden_unit");

  Rbm rbm(RbmShape{weights[0], weights[1]});
  read_parameters(file, group, rbm.shape(), rbm.parameters());
  return rbm;
}

void write_layer(Hdf5File& file, const std::string& group, const Rbm& rbm) {
  write_parameters(file, group, rbm.shape(), rbm.parameters());
  file.set_text_attribute(group, "visible_unit", bernoulli);
  file.set_text_attribute(group, "hidden_unit", bernoulli);
}

}  // namespace

std::string layer_group(std::size_t layer) {
  return fmt::format("/layer_{}", layer);
}

void read_parameters(const Hdf5File& file, const std::string& group, RbmShape shape, std::span<Real> values) {
  const RbmView<Real> view(shape, values);
  read_values(file, group + "/weights", {shape.visible, shape.hidden}, values.first(shape.weights()));
  read_values(file, group + "/visible_bias", {shape.visible}, view.visible_bias);
  read_values(file, group + "/hidden_bias", {shape.hidden}, view.hidden_bias);
}

void write_parameters(Hdf5File& file, const std::string& group, RbmShape shape, std::span<const Real> values) {
  const RbmView<const Real> view(shape, values);
  file.create_group(group);
  write_values(file, group + "/weights", {shape.visible, shape.hidden}, view.weights.values);
  write_values(file, group + "/visible_bias", {shape.visible}, view.visible_bias.data());
  write_values(file, group + "/hidden_bias", {shape.hidden}, view.hidden_bias.data());
}

Model load_model(const std::filesystem::path& path) {
  // What would crash this process crashes a child first.
  static_cast<void>(read_in_child(path, [&] {
    static_cast<void>(read_model(Hdf5File::open(path)));
    return std::string();
  }));
  return read_model(Hdf5File::open(path));
}

Model read_model(const Hdf5File& file) {
  check_format(file);
  Model model;
  while (file.exists(layer_group(model.layers.size()))) {
    model.layers.push_back(read_layer(file, layer_group(model.layers.size())));
  }
  if (model.layers.empty()) refuse(file, "is no whole model: it has no group 'layer_0'");
  for (std::size_t i = 1; i < model.layers.size(); ++i) {
    const std::size_t below = model.layers[i - 1].shape().hidden;
    if (model.layers[i].shape().visible != below) {
      refuse(file, fmt::format("has {} visible units in layer_{}, but {} hidden units in the layer below",
                               model.layers[i].shape().visible, i, below));
    }
  }
  if (file.exists("/config")) model.configuration = file.read_text("/config");
  for (const char* name : provenance_names) {
    if (const auto text = file.text_attribute("/", name)) model.provenance[name] = *text;
  }
  return model;
}

void write_model(Hdf5File& file, const Model& model) {
  file.set_text_attribute("/", "format", format_name);
  file.set_integers_attribute("/", "format_version", {format_version});
  for (const char* name : provenance_names) {
    if (const auto text = model.provenance.find(name); text != model.provenance.end()) {
      file.set_text_attribute("/", name, text->second);
    }
  }
  for (std::size_t i = 0; i < model.layers.size(); ++i) write_layer(file, layer_group(i), model.layers[i]);
  if (!model.configuration.empty()) file.write_text("/config", model.configuration);
}

void save_model(const std::filesystem::path& path, const Model& model) {
  AtomicFile atomic(path);
  Hdf5File file = Hdf5File::create(atomic.temporary(), path);
  write_model(file, model);
  file.close();
  atomic.commit();
}

}  // namespace rbmpi
