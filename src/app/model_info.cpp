#include "app/model_info.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rbmpi/model/model_file.hpp"
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

void print_spread(const char* name, const Spread& s) {
  fmt::print("  {:<16}from {:.4g} to {:.4g}, mean {:.4g}, standard deviation {:.4g}\n", name, s.minimum, s.maximum,
             s.mean, s.standard_deviation);
}

/// The arrays of a layer, with their names in files.
struct NamedValues {
  const char* name;
  std::span<const Real> values;
};
std::vector<NamedValues> arrays(const Rbm& rbm) {
  const RbmView<const Real> view = rbm.view();
  return {{"weights", {view.weights.values, view.weights.size()}},
          {"visible_bias", view.visible_bias},
          {"hidden_bias", view.hidden_bias}};
}

void print_json(const Model& model, const std::optional<TrainingProgress>& progress) {
  nlohmann::ordered_json json = {{"format", "rbmpi-model"}};
  for (const Rbm& rbm : model.layers) {
    nlohmann::ordered_json layer = {{"visible", rbm.shape().visible},
                                    {"hidden", rbm.shape().hidden},
                                    {"visible_unit", "bernoulli"},
                                    {"hidden_unit", "bernoulli"}};
    for (const NamedValues& array : arrays(rbm)) layer[array.name] = to_json(spread(array.values));
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
  json["digest"] = model_digest(model.layers);
  fmt::print("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_text(const std::filesystem::path& path, const Model& model,
                const std::optional<TrainingProgress>& progress) {
  fmt::print("{}: a {} of {} layer{}\n", path.string(), progress ? "checkpoint" : "model", model.layers.size(),
             model.layers.size() == 1 ? "" : "s");
  if (progress) {
    fmt::print("progress: in epoch {} of layer {} after {} of its rows, {} steps in all\n", progress->epoch,
               progress->layer, progress->epoch_rows, progress->steps);
  }
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const RbmShape shape = model.layers[i].shape();
    fmt::print("layer_{}: {} visible x {} hidden units, bernoulli on both sides, {} parameters\n", i, shape.visible,
               shape.hidden, shape.parameters());
    for (const NamedValues& array : arrays(model.layers[i])) print_spread(array.name, spread(array.values));
  }
  if (!model.provenance.empty()) fmt::print("made by\n");
  for (const auto& [name, text] : model.provenance) fmt::print("  {:<18}{}\n", name, text);
  fmt::print("digest            {}\n", model_digest(model.layers));
}

}  // namespace

void print_model_info(const std::filesystem::path& path, bool json, bool digest_only) {
  const Hdf5File file = Hdf5File::open(path);
  std::optional<TrainingProgress> progress;
  if (is_checkpoint(file)) {
    check_seal(path);
    progress = read_progress(file);
  }
  const Model model = read_model(file);
  if (digest_only) {
    fmt::print("{}\n", model_digest(model.layers));
  } else if (json) {
    print_json(model, progress);
  } else {
    print_text(path, model, progress);
  }
}

}  // namespace rbmpi
