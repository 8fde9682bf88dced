#include "app/model_and_data.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/data_findings.hpp"
#include "app/options.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/parallel/from_root.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "rbmpi/storage/sealed_file.hpp"
#include "rbmpi/train/run_folder.hpp"

namespace rbmpi {

namespace fs = std::filesystem;

namespace {

/// Collective. What the root reads; the others have nothing yet.
NamedModel read_on_root(const fs::path& path, NamedModel (*read)(const fs::path&), const Communicator& world) {
  NamedModel named;
  world.agree_on_root([&] {
    now_doing("reading the model");
    named = read(path);
  });
  return named;
}

/// Collective. Kinds of units are pointers, which mean nothing to other ranks: they go by their places in the table.
RbmShape shape_from_root(RbmShape shape, const Communicator& world) {
  const auto place = [](const UnitEntry* unit) {
    return static_cast<std::uint64_t>(std::ranges::find(units(), unit) - units().begin());
  };
  const std::array<std::uint64_t, 4> numbers =
      from_root(std::array{std::uint64_t{shape.visible}, std::uint64_t{shape.hidden}, place(shape.visible_unit),
                           place(shape.hidden_unit)},
                world);
  return {numbers[0], numbers[1], units()[numbers[2]], units()[numbers[3]]};
}

/// Collective. The layers of the root's model (that of the others has none yet) up to one, on every rank: layer
/// `number`, from 1, or if it is 0 the only one. Throws an AgreedError: Failure::file for a net, Failure::usage if
/// there is no such layer, or none was named of several.
std::vector<Rbm> layers_up_to(std::size_t number, const NamedModel& named, const Communicator& world) {
  std::uint64_t wanted = number;
  world.agree_on_root([&] {
    refuse_net(named.model, named.file);
    const std::size_t layers = named.model.layers.size();
    if (number == 0 && layers > 1) {
      throw Error(Failure::usage, fmt::format("'{}' has {} layers: --layer K (1 is the lowest) says which one",
                                              named.file.string(), layers));
    }
    if (number > layers) {
      throw Error(Failure::usage,
                  fmt::format("option --layer {}: '{}' has {}", number, named.file.string(), plural(layers, "layer")));
    }
    if (number == 0) wanted = 1;
  });
  wanted = from_root(wanted, world);
  std::vector<Rbm> layers;
  for (std::size_t i = 0; i < wanted; ++i) {
    RbmShape shape;
    if (world.is_root()) shape = named.model.layers[i].shape();
    shape = shape_from_root(shape, world);
    world.agree([&] { layers.emplace_back(shape); });
    if (world.is_root()) std::ranges::copy(named.model.layers[i].parameters(), layers[i].parameters().begin());
    world.broadcast(std::as_writable_bytes(layers[i].parameters()));
  }
  return layers;
}

}  // namespace

NamedModel model_on_root(const fs::path& path, const Communicator& world) {
  return read_on_root(path, load_best_model, world);
}

LoadedModel::LoadedModel(const fs::path& path, const Communicator& world, std::size_t layer)
    : LoadedModel(read_on_root(path, load_named_model, world), world, layer) {}

LoadedModel::LoadedModel(NamedModel model, const Communicator& world, std::size_t layer) : named(std::move(model)) {
  const std::size_t number = layer == highest_layer && !named.model.net ? named.model.layers.size() : layer;
  below = layers_up_to(number, named, world);
  rbm = std::move(below.back());  // NOLINT(cppcoreguidelines-prefer-member-initializer): it is known only now
  below.pop_back();
  // Labels are units of the highest layer alone.
  if (world.is_root() && below.size() + 1 == named.model.layers.size()) classes = named.model.classes;
  classes = from_root(std::move(classes), world);
}

std::vector<RbmView<const Real>> LoadedModel::stack() const {
  std::vector<RbmView<const Real>> views;
  for (const Rbm& layer : below) views.push_back(layer.view());
  views.push_back(rbm.view());
  return views;
}

const ChainStates* LoadedModel::chains() const {
  const auto found = named.model.chains.find(below.size());
  return found == named.model.chains.end() ? nullptr : &found->second;
}

RbmShape LoadedModel::shape_for_data() const {
  const RbmShape shape = rbm.shape();
  return {below.empty() ? shape.visible - classes.size() : below.front().shape().visible, shape.hidden};
}

LayerRows::LayerRows(const LoadedModel& model, const Rows& data, const Communicator& world) : rows_(data) {
  if (model.below.empty() && model.classes.empty()) return;
  world.agree([&] {
    if (!model.classes.empty() && data.labels == nullptr) {
      throw Error(Failure::file, "the layer has units for labels, but the data have none");
    }
    for (std::uint64_t row = 0; !model.classes.empty() && row < data.rows; ++row) {
      if (std::ranges::binary_search(model.classes, data.labels[row])) continue;
      throw Error(Failure::file, fmt::format("row {} of the data has the label {}, for which the model has no unit",
                                             row, data.labels[row]));
    }
    std::vector<RbmView<const Real>> layers = model.stack();
    layers.pop_back();
    features_ = std::make_unique<StackFeatures>(std::move(layers), data, model.classes);
    rows_ = *features_;
  });
}

NodeSamples load_rows(const fs::path& data, std::uint64_t rows, const fs::path& model, RbmShape shape,
                      const Layout& layout, const Communicator& world, std::optional<double> scale) {
  const auto check = [&](const DatasetInfo& info) -> std::uint64_t {
    if (info.columns == shape.visible) return 0;
    throw Error(Failure::file, fmt::format("the model does not fit the data: '{}' has {} visible x {} hidden units, "
                                           "'{}' has {} x {}",
                                           model.string(), shape.visible, shape.hidden, data.string(),
                                           plural(info.rows, "row"), plural(info.columns, "column")));
  };
  const auto row_memory = [](const DatasetInfo&) { return RowMemory(); };
  return heeded({world, layout.node, data, rows, check, row_memory, scale}, data, world);
}

namespace {

/// "28x28", of the dataset that a model was trained on.
std::string picture_text(const Model& model) {
  if (const auto picture = model.provenance.find("dataset_picture"); picture != model.provenance.end()) {
    return picture->second;
  }
  // Models of earlier versions do not tell: their dataset may.
  const auto dataset = model.provenance.find("dataset");
  if (dataset == model.provenance.end()) return {};
  try {
    return read_in_child(dataset->second, [&] {
      return fmt::format("{}", fmt::join(DatasetReader(dataset->second).info().picture, "x"));
    });
  } catch (const Error&) {
    return {};  // it was only a try
  }
}

}  // namespace

std::vector<std::uint64_t> picture_of(const Model& model) {
  const std::vector<std::uint64_t> picture = parse_picture(picture_text(model));
  const bool fits = picture.size() == 2 && picture[0] * picture[1] == model.layers.front().shape().visible;
  return fits ? picture : std::vector<std::uint64_t>();
}

namespace {

/// Whether an HDF5 file is there, plain or behind the seal of a checkpoint.
bool holds_hdf5(const fs::path& path) {
  constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
  try {
    const std::size_t place = first_bytes(path, seal_bytes + signature.size()).find(signature);
    return place == 0 || place == seal_bytes;
  } catch (const Error&) {
    return false;  // nobody can read it
  }
}

}  // namespace

void check_output(const char* option, const fs::path& output, const std::vector<fs::path>& inputs, OutputKind kind) {
  if (output.empty()) return;
  const auto refuse = [&](const char* what) {
    throw Error(Failure::usage, fmt::format("--{} is '{}', {}; give it another name", option, output.string(), what));
  };
  std::error_code not_there;
  if (output == "-") refuse("which elsewhere means the standard output, but here would be a file of that name");
  for (const fs::path& input : inputs) {
    if (fs::equivalent(output, input, not_there)) refuse("which is read from");
  }
  if (RunFolder::has_file(output)) refuse("which belongs to a run");
  if (kind != OutputKind::hdf5 && fs::is_regular_file(output, not_there) && holds_hdf5(output)) {
    refuse("which holds a dataset or a model");
  }
}

}  // namespace rbmpi
