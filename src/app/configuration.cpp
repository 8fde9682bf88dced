#include "app/configuration.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "app/configuration_keys.hpp"
#include "app/options.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/text_file.hpp"
#include "rbmpi/train/net_trainer.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {

namespace po = boost::program_options;

namespace {

po::options_description option_descriptions(TrainingCommand command) {
  po::options_description options;
  options.add_options()("help", "")("fresh", "")("config", po::value<std::string>(), "");
  for (const ConfigurationKey* const key : keys_of(command)) {
    auto* const value = po::value<std::string>();
    if (key->implied != nullptr) value->implicit_value(key->implied);
    options.add_options()(key->name, value, key->help);
  }
  return options;
}

/// Where the value of a key comes from: "'my.ini'" or "option --epochs".
using Origins = std::map<std::string, std::string>;

void set_key(TrainSettings& settings, const ConfigurationKey& key, const std::string& text, const std::string& origin,
             Origins& origins) {
  origins[key.name] = origin;
  const auto mistake = [&](const std::string& what) {
    refuse(fmt::format("{}: {} = {}: {}", origin, key.name, text, what));
  };
  if (text.find_first_of("#\n\r") != std::string::npos) {
    mistake("must not contain '#' or line ends, which a configuration file cannot hold");
  }
  try {
    key.set(settings, text);
  } catch (const Error& error) {
    mistake(error.what());
  }
}

constexpr std::size_t longest_file = std::size_t{1} << 20U;

void set_from_file(TrainSettings& settings, const std::string& path, const std::string& text, Origins& origins) {
  if (text.size() >= longest_file || text.find('\0') != std::string::npos) {
    throw Error(Failure::file, fmt::format("'{}' is no configuration: it has a megabyte or more, or bytes that are no "
                                           "text; lines 'key = value' would be right",
                                           path));
  }
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  std::istringstream stream(text.starts_with(byte_order_mark) ? text.substr(byte_order_mark.size()) : text);
  po::parsed_options parsed(nullptr);
  try {
    parsed = po::parse_config_file(stream, po::options_description(), /*allow_unregistered=*/true);
  } catch (const po::invalid_config_file_syntax& error) {
    // Not its what(): where the line has one of Boost's own placeholders, Boost puts the line into itself without end.
    refuse(fmt::format("'{}': the line '{}' is not of the form 'key = value'", path, error.tokens()));
  }
  std::set<std::string> seen;
  for (const po::option& option : parsed.options) {
    const ConfigurationKey* const key = find_key(settings.command, option.string_key);
    if (key == nullptr) refuse(fmt::format("'{}': {}", path, unknown_key(settings.command, option.string_key)));
    if (!seen.insert(option.string_key).second) refuse(fmt::format("'{}': key '{}' is given twice", path, key->name));
    set_key(settings, *key, option.value.empty() ? "" : option.value.front(), fmt::format("'{}'", path), origins);
  }
}

void check_finetune(const TrainSettings& settings) {
  const FinetuneSettings& finetune = settings.finetune;
  if (finetune.early_stop && settings.validation.empty()) {
    refuse("early-stop = on: wants rows to validate on; give the key 'validation'");
  }
  if (finetune.model.empty() && !finetune.from_scratch) {
    refuse("no model given: rbmpi finetune MODEL --data ... --output ..., or --from-scratch --layers 500,500,2000");
  }
  if (finetune.model.empty() && settings.layers.hidden.empty()) {
    refuse("key 'layers' is missing: a net from scratch has those of a model, or as in layers = 500,500,2000");
  }
  if (!finetune.model.empty() && !settings.layers.hidden.empty()) {
    refuse(fmt::format("layers = {}: the net has the layers of the model '{}'; give one of the two",
                       layers_text(settings.layers), finetune.model.string()));
  }
}

/// Whether an origin is an option, which wins over a file.
bool is_option(const std::string& origin) {
  return origin.starts_with("option ");
}

/// `hidden = N` and `layers = N` are two ways to write a single layer.
void settle_layers(TrainSettings& settings, const Origins& origins) {
  std::vector<std::size_t>& layers = settings.layers.hidden;
  const auto hidden = origins.find("hidden");
  const auto stack = origins.find("layers");
  if (hidden != origins.end() && stack != origins.end()) {
    const std::vector single = {settings.training.hidden};
    if (is_option(hidden->second) != is_option(stack->second)) {
      if (is_option(hidden->second)) layers = single;
    } else if (layers != single) {
      refuse(
          fmt::format("{}: layers = {}: but {} has hidden = {}, which is another way to write a single layer; give "
                      "one of the two",
                      stack->second, layers_text(settings.layers), hidden->second, settings.training.hidden));
    }
  }
  if (layers.empty()) layers = {settings.training.hidden};
  settings.training.hidden = layers.front();
}

/// `epochs` and `updates` are two ways to say how long it trains.
void settle_length(TrainSettings& settings, const Origins& origins) {
  const auto epochs = origins.find("epochs");
  const auto updates = origins.find("updates");
  if (epochs == origins.end() || updates == origins.end()) return;
  if (is_option(epochs->second) == is_option(updates->second)) {
    TrainSettings by_epochs = settings;
    by_epochs.training.updates = 0;
    refuse(fmt::format("{}: {}: but {} has {}, which says how long to train as well; give one of the two",
                       updates->second, length_text(settings), epochs->second, length_text(by_epochs)));
  }
  if (!is_option(epochs->second)) return;
  settings.training.updates = 0;
  settings.layers.updates.clear();
}

/// A learning rate that is not given depends on the other keys: the loss of an autoencoder is a sum over all inputs,
/// and the steps of some optimizers have the length of the learning rate itself.
void settle_learning_rate(TrainSettings& settings, const Origins& origins) {
  if (origins.contains("learning-rate")) return;
  const std::string& name = settings.training.optimizer;
  Schedule& learning_rate = settings.training.learning_rate;
  for (const OptimizerEntry& entry : optimizers()) {
    if (name == entry.name) learning_rate = Schedule(entry.usual_learning_rate);
  }
  const bool goes_by_length = name == "momentum" || name == "cossim";  // of the gradient
  if (goes_by_length && settings.finetune.autoencoder) learning_rate = Schedule(0.02);
}

/// Lists of values must not be longer than the layers.
void check_layers(const TrainSettings& settings, const Origins& origins) {
  const LayerSettings& layers = settings.layers;
  for_each_layer_list([&](const char* name, auto list, auto /*member*/) {
    const std::size_t size = (layers.*list).size();
    if (settings.command == TrainingCommand::finetune && size > 1) {
      refuse(fmt::format("{} = {}: has values for {} layers, but a net is trained as one", name,
                         configuration_key(name).get(settings), size));
    }
    if (size <= std::max<std::size_t>(layers.hidden.size(), 1)) return;
    const auto origin = origins.find(name);
    refuse(fmt::format("{}{} = {}: has values for {} layers, but there {} {} (layers = {})",
                       origin == origins.end() ? "" : origin->second + ": ", name,
                       configuration_key(name).get(settings), size, layers.hidden.size() == 1 ? "is" : "are",
                       layers.hidden.size(), layers_text(layers)));
  });
}

/// What single keys cannot know, with the origin of the key put before the message "key = value: ...".
void check_together(const TrainSettings& settings, const Origins& origins) {
  check_layers(settings, origins);
  try {
    if (settings.command == TrainingCommand::finetune) {
      check_options(net_training_options(settings));
    } else {
      check_options(greedy_options(settings));
    }
  } catch (const Error& error) {
    const std::string message = error.what();
    const auto origin = origins.find(message.substr(0, message.find(" = ")));
    refuse(origin == origins.end() ? message : fmt::format("{}: {}", origin->second, message));
  }
  if (settings.command == TrainingCommand::finetune) {
    check_finetune(settings);
  } else if (settings.training.early_stop != EarlyStop::off && settings.validation.empty()) {
    refuse(fmt::format("early-stop = {}: wants rows to validate on; give the key 'validation'",
                       early_stop_text(settings.training.early_stop)));
  }
  for (const auto& [name, value] : {std::pair{"data", settings.data}, std::pair{"output", settings.output}}) {
    if (value.empty()) refuse(fmt::format("key '{}' is missing; give it in the file or as --{} ...", name, name));
  }
}

/// After all keys are set.
void settle(TrainSettings& settings, const Origins& origins) {
  if (settings.command == TrainingCommand::train) settle_layers(settings, origins);
  settle_length(settings, origins);
  settle_learning_rate(settings, origins);
  check_together(settings, origins);
}

}  // namespace

void set_from_option(TrainSettings& settings, const ConfigurationKey& key, const std::string& text) {
  Origins origins;
  set_key(settings, key, text, fmt::format("option --{}", key.name), origins);
}

std::optional<TrainSettings> read_configuration(TrainingCommand command, const std::vector<std::string>& arguments,
                                                const Communicator& world) {
  po::variables_map options;
  world.agree([&] {
    po::positional_options_description places;
    if (command == TrainingCommand::finetune) places.add("model", 1);
    options = parse_arguments(name_of(command), arguments, option_descriptions(command), places);
  });
  if (options.count("help") != 0) return std::nullopt;
  TrainSettings settings = default_settings(command);
  settings.fresh = options.count("fresh") != 0;

  std::string path;
  std::string text;
  if (options.count("config") != 0) {
    path = options["config"].as<std::string>();
    world.agree_on_root([&] { text = read_text_file(path, longest_file); });
    text = world.broadcast(text);
  }
  world.agree([&] {
    Origins origins;
    if (!path.empty()) set_from_file(settings, path, text, origins);
    for (const ConfigurationKey* const key : keys_of(command)) {
      if (options.count(key->name) == 0) continue;
      set_key(settings, *key, options[key->name].as<std::string>(), fmt::format("option --{}", key->name), origins);
    }
    settle(settings, origins);
  });
  return settings;
}

TrainSettings parse_configuration(const std::string& path, const std::string& text, TrainingCommand command) {
  TrainSettings settings = default_settings(command);
  Origins origins;
  set_from_file(settings, path, text, origins);
  settle(settings, origins);
  return settings;
}

}  // namespace rbmpi
