#include <utility>

#include <fmt/format.h>

#include "app/configuration_keys.hpp"
#include "rbmpi/core/parse.hpp"

namespace rbmpi {
namespace {

/// One value for each of so many layers, but none that only repeats the one before it at the end.
template <typename Value>
void cut(std::vector<Value>& values, const Value& otherwise, std::size_t layers) {
  std::vector<Value> all;
  for (std::size_t layer = 0; layer < layers; ++layer) all.push_back(value_for(values, otherwise, layer));
  while (all.size() > 1 && value_text(all.back()) == value_text(all[all.size() - 2])) all.pop_back();
  values = std::move(all);
}

/// The settings for the first layers alone, all lists in their shortest form.
TrainSettings first_layers(TrainSettings settings, std::size_t count) {
  LayerSettings& layers = settings.layers;
  layers.hidden.resize(std::min(layers.hidden.size(), count));
  for_each_layer_list(
      [&](const char* /*key*/, auto list, auto member) { cut(layers.*list, settings.training.*member, count); });
  return settings;
}

}  // namespace

std::vector<std::string> configuration_differences(const std::string& path, const std::string& text,
                                                   const TrainSettings& settings) {
  const TrainSettings run = parse_configuration(path, text, settings.command);
  const bool is_net = settings.command == TrainingCommand::finetune;
  const std::size_t layers = run.layers.hidden.size();
  // Layers that are added make no difference, unless the highest one has the labels.
  const bool adds = settings.layers.hidden.size() > layers && !run.layers.join_labels;
  const TrainSettings old_layers = is_net ? run : first_layers(run, layers);
  const TrainSettings new_layers = is_net ? settings
                                   : adds ? first_layers(settings, layers)
                                          : first_layers(settings, std::max(layers, settings.layers.hidden.size()));
  std::vector<std::string> differences;
  for (const ConfigurationKey* const key : keys_of(settings.command)) {
    const std::string_view name = key->name;
    const std::string before = key->get(old_layers);
    const std::string now = key->get(new_layers);
    if (!is_net && (name == "hidden" || name == "layers")) {
      const bool single = layers == 1 && settings.layers.hidden.size() == 1;
      if (old_layers.layers.hidden == new_layers.layers.hidden || (name == "hidden") != single) continue;
      differences.push_back(single ? fmt::format("hidden = {}, but {} in the run", now, before)
                                   : fmt::format("layers = {}, but {} in the run", layers_text(settings.layers),
                                                 layers_text(run.layers)));
      continue;
    }
    if (before == now) continue;
    // A file to validate on may have moved; a share changes what is left to train on.
    const bool share = name == "validation" && (parse_number(before) || parse_number(now));
    if (key->fixed || share) differences.push_back(fmt::format("{} = {}, but {} in the run", key->name, now, before));
  }
  return differences;
}

std::string effective_configuration(const TrainSettings& settings) {
  std::string text;
  for (const ConfigurationKey* const key : keys_of(settings.command)) {
    const std::string value = key->get(settings);
    // Of `hidden` and `layers` only one is there, and of `epochs` and `updates`.
    if (!value.empty()) text += fmt::format("{} = {}\n", key->name, value);
  }
  return text;
}

}  // namespace rbmpi
