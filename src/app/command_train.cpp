#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/command.hpp"
#include "app/configuration.hpp"
#include "app/layout.hpp"
#include "app/terminal.hpp"
#include "app/training_run.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/train/checkpoint_writer.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {
namespace {

TrainingRun::Memory memory_of(const TrainSettings& settings, std::uint64_t visible, const TrainingRun& run) {
  const RbmShape shape{visible, settings.training.hidden};
  const Layout& layout = run.layout();
  TrainingRun::Memory memory;
  memory.rank = training_memory(settings.training, visible, !settings.validation.empty(), layout.ranks,
                                layout.equal_nodes ? layout.node.size() : 1);
  memory.checkpoint =
      CheckpointWriter::memory(shape.parameters(), optimizer_memory(rbm_blocks(shape), settings.training));
  memory.best = settings.training.early_stop == EarlyStop::off ? 0 : shape.parameters() * sizeof(Real);
  return memory;
}

void print_banner(const TrainSettings& settings, const TrainingRun& run) {
  const TrainingData& data = run.data().views;
  const RbmShape shape{data.training.columns, settings.training.hidden};
  print_heading(run.layout(), settings.training);
  print_data(settings, run.data());
  say("  model       {} x {}, {} parameters\n", shape.visible, shape.hidden, shape.parameters());
  print_training(settings, run,
                 training_memory(settings.training, shape.visible, data.validation.rows > 0, run.layout().ranks,
                                 run.layout().node.size()));
}

std::string error_of(const EpochMetrics& last) {
  const std::optional<double> validation = last.figure("validation_reconstruction_mse");
  return fmt::format("{} {:.5f} in the last epoch{}", last.figures.front().name, last.figures.front().value,
                     validation ? fmt::format(", validation {:.5f}", *validation) : "");
}

}  // namespace

void run_train(const std::vector<std::string>& arguments, const Communicator& world) {
  TrainSettings settings;
  if (!read_configuration(arguments, world, settings)) {
    if (world.is_root()) say("{}", configuration_help());
    return;
  }
  TrainingRun run("train", arguments, settings, world);
  run.load_data([&](std::uint64_t visible) { return memory_of(settings, visible, run); });
  if (run.is_finished()) return;

  const TrainingData& data = run.data().views;
  TrainSettings in_use = settings;  // with what `auto` stands for
  in_use.training.exchange = exchange_in_use(settings.training, data.training.rows, data.training.columns, world);
  const auto describe = [&] {
    Model model = run.description();
    model.layers.emplace_back(RbmShape{data.training.columns, settings.training.hidden});
    return model;
  };
  run.begin([&] { print_banner(in_use, run); }, describe);
  TrainingResult result = run.train([&](const TrainingEvents& events, std::optional<Checkpoint> checkpoint) {
    return train_rbm(in_use.training, data, world, events, saved_state(std::move(checkpoint)));
  });
  Model model = run.description();
  model.layers.push_back(std::move(result.rbm));
  run.finish(model, result, world.is_root() ? error_of(run.last_epoch()) : "");
}

}  // namespace rbmpi
