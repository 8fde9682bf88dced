#include <fmt/format.h>

#include "app/configuration_keys.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "rbmpi/train/optimizer.hpp"

namespace rbmpi {
namespace {

/// "cd (contrastive divergence, one step)": the names of a table with their summaries.
template <typename Table>
std::string names_of(const Table& table) {
  std::string names;
  for (const auto& entry : table)
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", entry.name, entry.summary);
  return names;
}

std::string help_of(const ConfigurationKey& key) {
  const std::string name = key.name;
  if (name == "estimator") return key.help + names_of(gradient_estimators());
  if (name == "optimizer") return key.help + names_of(optimizers());
  return key.help;
}

/// "epochs, batch-size, ...": those that may have a value for each layer.
std::string layer_keys() {
  std::string names;
  for_each_layer_list([&](const char* key, auto /*list*/, auto /*member*/) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", key);
  });
  return names;
}

constexpr const char* help_on_train =
    "Trains a restricted Boltzmann machine, or a stack of them, one layer on the features of the other.\n\nUsage:\n"
    "  mpirun -n RANKS rbmpi train --config FILE [--KEY VALUE ...] [--fresh]\n\n";
constexpr const char* help_on_finetune =
    "Trains a net by back-propagation: a classifier with a softmax on top of the layers of a model, or an "
    "autoencoder.\n"
    "\nUsage:\n"
    "  mpirun -n RANKS rbmpi finetune MODEL --data FILE --output FOLDER [--config FILE] [--KEY VALUE ...] [--fresh]\n"
    "  mpirun -n RANKS rbmpi finetune --from-scratch --layers N,N,... --data FILE --output FOLDER ...\n\n"
    "MODEL is a model, a checkpoint, or the folder of a run, whose newest one is taken. With rows to validate on,\n"
    "best.h5 is the net of the best epoch; model.h5 is that of the last one.\n";

}  // namespace

std::string configuration_help(const ConfigurationKey& key, const TrainSettings& defaults) {
  const std::string value = key.get(defaults);
  const std::string usage =
      key.implied == nullptr ? fmt::format("{} {}", key.name, key.value) : fmt::format("{}[={}]", key.name, key.value);
  return fmt::format("  --{:<36} {}{}\n", usage, help_of(key), value.empty() ? "" : fmt::format(" [{}]", value));
}

std::string configuration_help(TrainingCommand command) {
  const bool train = command == TrainingCommand::train;
  std::string text = train ? help_on_train : help_on_finetune;
  text +=
      "The same command goes on where a run was stopped, on any number of ranks; with --fresh it starts over, and the\n"
      "folder of the run is moved aside.\n"
      "Every key below can stand in the file (key = value, # begins a comment) or be given as an option, which wins.\n"
      "A SCHEDULE changes a value from epoch to epoch: 1:0.5, 6:0.9 is 0.5 from epoch 1 and 0.9 from epoch 6.\n";
  if (train) {
    text +=
        "With layers, some keys may have a value for each, lowest first, with / between them: 50/20; the last one "
        "holds\n"
        "for the layers above it as well. These are\n" +
        layer_keys() + ".\n";
  }
  text += "\nKeys:\n";
  const TrainSettings defaults = default_settings(command);
  for (const ConfigurationKey* const key : keys_of(command)) text += configuration_help(*key, defaults);
  text += "\nExample:\n";
  text += train ? "  mpirun -n 2 rbmpi train --config configs/mnist-rbm.ini --data train.h5 --output runs/a\n"
                : "  mpirun -n 2 rbmpi finetune runs/a --data train.h5 --validation 0.1 --output runs/b\n";
  return text;
}

}  // namespace rbmpi
