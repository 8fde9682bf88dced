#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "app/configuration.hpp"

namespace rbmpi {

// The table of keys, and the values of keys as text. All of it is Local.

/// "train" or "finetune".
[[nodiscard]] const char* name_of(TrainingCommand command);
/// The keys of a command, in the order of --help and of the effective configuration.
[[nodiscard]] std::vector<const ConfigurationKey*> keys_of(TrainingCommand command);
/// Null if the command has none of that name.
[[nodiscard]] const ConfigurationKey* find_key(TrainingCommand command, std::string_view name);
/// What is wrong with a key that the command does not have.
[[nodiscard]] std::string unknown_key(TrainingCommand command, const std::string& name);

[[nodiscard]] std::string value_text(std::uint64_t value);
[[nodiscard]] std::string value_text(double value);
[[nodiscard]] std::string value_text(const Schedule& value);
/// "500,500,2000".
[[nodiscard]] std::string layers_text(const LayerSettings& layers);
[[nodiscard]] std::string early_stop_text(EarlyStop rule);

/// Calls visit(key, list, member) for all that may have a value for each layer: its list in LayerSettings, and its
/// member of TrainingOptions.
template <typename Visit>
void for_each_layer_list(const Visit& visit) {
  visit("epochs", &LayerSettings::epochs, &TrainingOptions::epochs);
  visit("updates", &LayerSettings::updates, &TrainingOptions::updates);
  visit("batch-size", &LayerSettings::batch_size, &TrainingOptions::batch_size);
  visit("learning-rate", &LayerSettings::learning_rate, &TrainingOptions::learning_rate);
  visit("rate-decay", &LayerSettings::rate_decay, &TrainingOptions::rate_decay);
  visit("momentum", &LayerSettings::momentum, &TrainingOptions::momentum);
  visit("weight-cost", &LayerSettings::weight_cost, &TrainingOptions::weight_cost);
  visit("field-cost", &LayerSettings::field_cost, &TrainingOptions::field_cost);
  visit("l1", &LayerSettings::l1, &TrainingOptions::l1);
  visit("clip-gradient", &LayerSettings::clip_gradient, &TrainingOptions::clip_gradient);
  visit("weight-init", &LayerSettings::weight_init, &TrainingOptions::weight_init);
}

/// The value for a layer: the last one holds for the layers above it.
template <typename Value>
Value value_for(const std::vector<Value>& values, const Value& otherwise, std::size_t layer) {
  return values.empty() ? otherwise : values[std::min(layer, values.size() - 1)];
}

}  // namespace rbmpi
