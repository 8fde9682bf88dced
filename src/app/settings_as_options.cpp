#include <algorithm>
#include <utility>

#include "app/configuration_keys.hpp"

namespace rbmpi {

TrainSettings default_settings(TrainingCommand command) {
  TrainSettings settings;
  settings.command = command;
  if (command == TrainingCommand::finetune) {
    settings.training.epochs = 50;
    settings.training.patience = 10;
  }
  return settings;
}

NetTrainingOptions net_training_options(const TrainSettings& settings) {
  NetTrainingOptions options;
  static_cast<OptimizationOptions&>(options) = static_cast<const OptimizationOptions&>(settings.training);
  options.input_dropout = settings.finetune.input_dropout;
  options.hidden_dropout = settings.finetune.hidden_dropout;
  options.early_stop = settings.finetune.early_stop;
  return options;
}

bool keeps_best(const TrainSettings& settings) {
  if (settings.command == TrainingCommand::finetune) return !settings.validation.empty();
  return settings.training.early_stop != EarlyStop::off;
}

RunGoal goal_of_layer(const TrainSettings& settings, std::size_t layer) {
  if (settings.command == TrainingCommand::finetune) return goal_of(settings.training);
  const std::vector<TrainingOptions> layers = greedy_options(settings).layers;
  TrainingOptions options = layers.at(layer);
  for (std::size_t below = 0; below < layer; ++below) options.first_step += layers[below].updates;
  return goal_of(options);
}

RunEnd end_of_run(const TrainSettings& settings, const TrainingProgress& progress) {
  RunGoal goal = goal_of_layer(settings, progress.layer);
  if (settings.command == TrainingCommand::train) goal.layers = greedy_options(settings).layers.size();
  const bool stops_early = settings.command == TrainingCommand::train ? settings.training.early_stop != EarlyStop::off
                                                                      : settings.finetune.early_stop;
  if (stops_early) goal.patience = settings.training.patience;
  return end_of_run(goal, progress);
}

GreedyOptions greedy_options(const TrainSettings& settings) {
  const LayerSettings& lists = settings.layers;
  const TrainingOptions& all = settings.training;
  GreedyOptions options{.layers = {}, .join_labels = lists.join_labels, .features_memory = lists.features_memory};
  for (std::size_t layer = 0; layer < std::max<std::size_t>(lists.hidden.size(), 1); ++layer) {
    TrainingOptions of_layer = all;
    of_layer.hidden = value_for(lists.hidden, all.hidden, layer);
    for_each_layer_list([&](const char* /*key*/, auto list, auto member) {
      of_layer.*member = value_for(lists.*list, all.*member, layer);
    });
    options.layers.push_back(std::move(of_layer));
  }
  return options;
}

}  // namespace rbmpi
