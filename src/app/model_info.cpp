#include "app/model_info.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "app/terminal.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/model/model_file.hpp"
#include "rbmpi/storage/file_version.hpp"
#include "rbmpi/storage/sealed_file.hpp"
#include "rbmpi/train/checkpoint.hpp"

namespace rbmpi {
namespace {

struct Spread {
  double minimum = 0;
  double maximum = 0;
  double mean = 0;
  double standard_deviation = 0;
};

Spread spread(std::span<const Real> values) {
  Spread result{values.front(), values.front(), 0, 0};
  for (const Real value : values) {
    result.minimum = std::min(result.minimum, double{value});
    result.maximum = std::max(result.maximum, double{value});
    result.mean += double{value};
  }
  result.mean /= static_cast<double>(values.size());
  for (const Real value : values) result.standard_deviation += (value - result.mean) * (value - result.mean);
  result.standard_deviation = std::sqrt(result.standard_deviation / static_cast<double>(values.size()));
  return result;
}

nlohmann::ordered_json to_json(const Spread& s) {
  return {
      {"minimum", s.minimum}, {"maximum", s.maximum}, {"mean", s.mean}, {"standard_deviation", s.standard_deviation}};
}

void print_spread(const std::string& name, const Spread& s) {
  print("  {:<16}from {:.4g} to {:.4g}, mean {:.4g}, standard deviation {:.4g}\n", name, s.minimum, s.maximum, s.mean,
        s.standard_deviation);
}

/// The arrays of a layer, with their names in files.
struct NamedValues {
  std::string name;
  std::span<const Real> values;
};
std::vector<NamedValues> arrays(const Rbm& rbm) {
  const RbmView<const Real> view = rbm.view();
  std::vector<NamedValues> arrays = {{"weights", {view.weights.values, view.weights.size()}}};
  const auto add = [&](const char* side, const UnitRow& units) {
    for (std::size_t k = 0; k < units.unit->parameters.size(); ++k) {
      arrays.push_back(
          {fmt::format("{}_{}", side, units.unit->parameters[k]), {units.parameters + k * units.stride, units.count}});
    }
  };
  add("visible", view.visible_units());
  add("hidden", view.hidden_units());
  return arrays;
}
std::vector<NamedValues> arrays(const NetLayer<const Real>& layer) {
  return {{"weights", {layer.weights.values, layer.weights.size()}}, {"bias", layer.bias}};
}

nlohmann::ordered_json net_json(const Model& model) {
  nlohmann::ordered_json json = {{"format", "rbmpi-net"}};
  for (std::size_t k = 0; k < model.net->shape().layers(); ++k) {
    const NetLayer<const Real> part = model.net->layer(k);
    nlohmann::ordered_json layer = {
        {"inputs", part.weights.rows}, {"units", part.weights.columns}, {"unit", activation_name(part.activation)}};
    for (const NamedValues& array : arrays(part)) layer[array.name] = to_json(spread(array.values));
    json["layers"].push_back(layer);
  }
  if (!model.classes.empty()) json["classes"] = model.classes;
  if (!model.class_names.empty()) json["class_names"] = model.class_names;
  if (model.code_layer > 0) json["code_layer"] = model.code_layer;
  return json;
}

void print_json(const Model& model, const std::optional<TrainingProgress>& progress) {
  nlohmann::ordered_json json = model.net ? net_json(model) : nlohmann::ordered_json{{"format", "rbmpi-model"}};
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const Rbm& rbm = model.layers[i];
    nlohmann::ordered_json layer = {{"visible", rbm.shape().visible},
                                    {"hidden", rbm.shape().hidden},
                                    {"visible_unit", rbm.shape().visible_unit->name},
                                    {"hidden_unit", rbm.shape().hidden_unit->name}};
    for (const NamedValues& array : arrays(rbm)) layer[array.name] = to_json(spread(array.values));
    if (const auto chains = model.chains.find(i); chains != model.chains.end()) layer["chains"] = chains->second.rows;
    json["layers"].push_back(layer);
  }
  if (progress) {
    json["progress"] = {{"layer", progress->layer},
                        {"epoch", progress->epoch},
                        {"epoch_rows", progress->epoch_rows},
                        {"steps", progress->steps}};
  }
  json["provenance"] = model.provenance;
  json["config"] = model.configuration;
  json["digest"] = model_digest(model);
  print_text(json_text(json) + '\n');
}

void print_text(const std::filesystem::path& path, const Model& model,
                const std::optional<TrainingProgress>& progress) {
  const std::size_t layers = model.net ? model.net->shape().layers() : model.layers.size();
  print("{}: a {} of {}\n", path.string(), progress ? "checkpoint" : (model.net ? "feed-forward net" : "model"),
        plural(layers, "layer"));
  if (progress) {
    print("progress: in epoch {} of layer {} after {} of its rows, {} in all\n", progress->epoch, progress->layer,
          progress->epoch_rows, plural(progress->steps, "step"));
  }
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const RbmShape shape = model.layers[i].shape();
    print("layer_{}: {} visible x {} hidden units, {}, {} parameters\n", i, shape.visible, shape.hidden,
          units_in_words(shape), shape.parameters());
    for (const NamedValues& array : arrays(model.layers[i])) print_spread(array.name, spread(array.values));
    if (const auto chains = model.chains.find(i); chains != model.chains.end()) {
      print("  {:<16}{}, as its training left them\n", "chains", chains->second.rows);
    }
  }
  for (std::size_t k = 0; model.net && k < layers; ++k) {
    const NetLayer<const Real> layer = model.net->layer(k);
    print("layer_{}: {} inputs x {} {} units{}, {} parameters\n", k, layer.weights.rows, layer.weights.columns,
          activation_name(layer.activation), k + 1 == model.code_layer ? ", the code" : "",
          layer.weights.size() + layer.bias.size());
    for (const NamedValues& array : arrays(layer)) print_spread(array.name, spread(array.values));
  }
  if (!model.classes.empty()) print("classes: {}\n", fmt::join(model.classes, ", "));
  if (!model.class_names.empty()) print("their names: {}\n", fmt::join(model.class_names, ", "));
  if (!model.provenance.empty()) print("made by\n");
  for (const auto& [name, text] : model.provenance) print("  {:<18}{}\n", name, text);
  print("digest            {}\n", model_digest(model));
}

}  // namespace

void print_model_info(const std::filesystem::path& path, bool json, bool digest_only) {
  const FileVersion version(path);
  const Hdf5File file = Hdf5File::open(path);
  std::optional<TrainingProgress> progress;
  if (is_checkpoint(file)) {
    check_seal(path);
    progress = read_progress(file);
  }
  const Model model = read_model_so_far(file);
  version.throw_if_changed();
  if (digest_only) {
    print("{}\n", model_digest(model));
  } else if (json) {
    print_json(model, progress);
  } else {
    print_text(path, model, progress);
  }
}

}  // namespace rbmpi
