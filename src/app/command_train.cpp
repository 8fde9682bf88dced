#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/command.hpp"
#include "app/configuration.hpp"
#include "app/label_classes.hpp"
#include "app/layout.hpp"
#include "app/terminal.hpp"
#include "app/training_run.hpp"
#include "rbmpi/data/row_weights.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/train/checkpoint_writer.hpp"
#include "rbmpi/train/greedy_training.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "rbmpi/train/steps_of_epoch.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {
namespace {

std::uint64_t parameters_of(const std::vector<RbmShape>& shapes) {
  std::uint64_t sum = 0;
  for (const RbmShape& shape : shapes) sum += shape.parameters();
  return sum;
}

TrainingRun::Memory memory_of(const TrainSettings& settings, const DatasetInfo& data, const TrainingRun& run) {
  const GreedyOptions options = greedy_options(settings);
  const std::vector<RbmShape> shapes = shapes_of_layers(options, data.columns);
  const Layout& layout = run.layout();
  TrainingRun::Memory memory;
  memory.rank = greedy_memory(options, data.columns, !settings.validation.empty(), layout.ranks,
                              layout.equal_nodes ? layout.node.size() : 1, data.has_weights);
  std::vector<ParameterLayout> layers;
  layers.reserve(shapes.size());
  for (const RbmShape& shape : shapes) layers.push_back(rbm_layout(shape));
  memory.checkpoint = checkpoint_memory(layers, settings.training);
  memory.best = keeps_best(settings) ? parameters_of(shapes) * sizeof(Real) : 0;
  return memory;
}

void print_banner(const TrainSettings& settings, const TrainingRun& run) {
  const TrainingData& data = run.data().views;
  const GreedyOptions options = greedy_options(settings);
  const std::vector<RbmShape> shapes = shapes_of_layers(options, data.training.columns);
  std::string units = fmt::format("{}", data.training.columns);
  for (const RbmShape& shape : shapes) units += fmt::format(" x {}", shape.hidden);
  const Layout& layout = run.layout();
  const RowWeights weights = row_weights(data.training);
  std::size_t pieces = 0;  // the layer with most
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    TrainingOptions layer = options.layers[i];
    layer.exchange = settings.training.exchange;
    pieces = std::max(pieces, exchange_pieces(layer, data.training.rows, shapes[i].visible, layout.nodes,
                                              layout.node.size(), weights));
  }
  print_heading(layout, settings.training, pieces);
  print_estimator(settings.training);
  print_data(settings, run.data());
  say("  model       {}{}, {} parameters\n", units, options.join_labels ? ", the highest layer with labels" : "",
      parameters_of(shapes));
  print_training(settings, run,
                 greedy_memory(options, data.training.columns, data.validation.rows > 0, run.layout().ranks,
                               run.layout().node.size(), weights.differ()),
                 shapes.size() == 1 ? "" : fmt::format("{}, one after the other", plural(shapes.size(), "layer")));
}

/// What to go on from: the layers of a checkpoint, the last of which was in work.
std::optional<GreedyStart> start_of(std::optional<Checkpoint> checkpoint) {
  if (!checkpoint) return std::nullopt;
  GreedyStart start;
  std::vector<Rbm>& layers = checkpoint->model.layers;
  for (std::size_t i = 0; i + 1 < layers.size(); ++i) start.below.push_back(std::move(layers[i]));
  start.chains = std::move(checkpoint->model.chains);
  start.state = std::move(*saved_state(std::move(checkpoint)));
  return start;
}

/// Says so if the highest layer of a run, which had stopped early, has others above it now: early stopping is not for
/// it any more.
void warn_of_longer_layer(const TrainSettings& settings, const GreedyOptions& options,
                          const std::optional<Checkpoint>& checkpoint) {
  if (!checkpoint) return;
  const TrainingProgress& progress = checkpoint->progress;
  if (progress.layer + 1 >= options.layers.size()) return;
  const TrainingOptions& layer = options.layers[progress.layer];
  const TrainSettings run = parse_configuration("the run", checkpoint->model.configuration);
  const RunGoal goal = goal_of_layer(settings, progress.layer);
  if (end_of_run(run, progress) != RunEnd::stopped_early || layer_is_done(goal, progress)) return;
  TrainingOptions as_it_is = layer;
  as_it_is.epochs = progress.epoch - 1;
  if (layer.updates > 0) as_it_is.updates = progress.steps - (goal.last_step - layer.updates);
  const bool best = options.layers.back().early_stop != EarlyStop::off;
  warn(
      fmt::format("layer {} had stopped early, after epoch {}; with layers above it, it is trained on to {}{}. "
                  "To build on it as it is, give it {}",
                  progress.layer + 1, progress.epoch - 1, length_text(layer),
                  best ? ", and best.h5 will be of the highest layer" : "", length_text(as_it_is)));
}

/// What there is to tell of how a layer ended, as a line: an error, or how well its chains have the pairs of the data.
std::string end_of_layer(const EpochMetrics& last) {
  if (const auto r = last.figure("chains_pairs_r")) {
    return fmt::format("chains      like the data in pairs of units with r = {:.4f} in the last epoch", *r);
  }
  if (last.figures.empty()) return {};
  const std::optional<double> validation = last.figure("validation_reconstruction_mse");
  return fmt::format("error       {} {:.5f} in the last epoch{}", last.figures.front().name, last.figures.front().value,
                     validation ? fmt::format(", validation {:.5f}", *validation) : "");
}

}  // namespace

void run_train(const std::vector<std::string>& arguments, const Communicator& world) {
  const std::optional<TrainSettings> parsed = read_configuration(TrainingCommand::train, arguments, world);
  if (!parsed) {
    if (world.is_root()) put(stdout, configuration_help(TrainingCommand::train));
    return;
  }
  const TrainSettings& settings = *parsed;
  TrainingRun run("train", arguments, settings, world);
  run.load_data([&](const DatasetInfo& info) { return memory_of(settings, info, run); });
  if (run.is_finished()) return;

  const TrainingData& data = run.data().views;
  TrainSettings in_use = settings;  // with what `auto` stands for
  in_use.training.exchange =
      exchange_in_use(settings.training, data.training.rows, data.training.columns, world, row_weights(data.training));
  in_use.training.shuffle_block = run.shuffle_block();
  const GreedyOptions options = greedy_options(in_use);
  // Its messages name files and their rows, which the library does not know.
  if (options.join_labels) {
    world.agree([&] {
      check_class_names(settings, run.data().class_names(), run.data().validation_class_names());
      (void)find_classes(settings, data);
    });
  }
  std::uint64_t steps = 0;
  for (const TrainingOptions& layer : options.layers) {
    steps += steps_of_training(layer, data.training.rows);
  }
  const auto describe = [&] { return run.description(); };  // its layers come with the beginning of each
  run.begin([&] { print_banner(in_use, run); }, describe, steps);
  GreedyResult result = run.train([&](const TrainingEvents& events, std::optional<Checkpoint> checkpoint) {
    world.agree_on_root([&] { warn_of_longer_layer(settings, options, checkpoint); });
    const GreedyEvents all{.training = events, .layer = [&](const LayerBeginning& beginning) {
                             run.begin_layer(beginning, options.layers.size());
                           }};
    return train_stack(options, data, world, all, start_of(std::move(checkpoint)));
  });
  Model model = run.description();
  model.layers = std::move(result.layers);
  model.chains = std::move(result.chains);
  model.classes = std::move(result.classes);
  model.class_names = names_of_classes(model.classes, run.data().class_names());
  run.finish(model, result, world.is_root() ? end_of_layer(run.last_epoch()) : "");
}

}  // namespace rbmpi
