#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/command.hpp"
#include "app/configuration.hpp"
#include "app/label_classes.hpp"
#include "app/pretrained.hpp"
#include "app/terminal.hpp"
#include "app/training_run.hpp"
#include "rbmpi/data/data_look.hpp"
#include "rbmpi/model/feed_forward_net.hpp"
#include "rbmpi/train/back_propagation.hpp"
#include "rbmpi/train/checkpoint_writer.hpp"
#include "rbmpi/train/net_trainer.hpp"
#include "rbmpi/train/optimizer.hpp"

namespace rbmpi {
namespace {

NetShape shape_of(const FinetuneSettings& settings, std::uint64_t columns, const std::vector<std::size_t>& hidden,
                  std::size_t classes) {
  return settings.autoencoder ? autoencoder_shape(columns, hidden, settings.code_unit)
                              : classifier_shape(columns, hidden, classes);
}

std::uint64_t rank_memory(const TrainSettings& settings, const NetShape& shape, std::uint64_t rows,
                          const TrainingRun& run) {
  const Layout& layout = run.layout();
  return net_training_memory(net_training_options(settings), shape, rows, !settings.validation.empty(), layout.ranks,
                             layout.equal_nodes ? layout.node.size() : 1);
}

TrainingRun::Memory memory_of(const TrainSettings& settings, const NetShape& shape, const TrainingRun& run) {
  TrainingRun::Memory memory;
  memory.rank = rank_memory(settings, shape, settings.training.batch_size, run);
  memory.checkpoint = checkpoint_memory(std::vector{net_layout(shape)}, settings.training);
  memory.best = keeps_best(settings) ? shape.parameters() * sizeof(Real) : 0;
  return memory;
}

/// The net that training begins with.
FeedForwardNet start_net(const TrainSettings& settings, const Pretrained& pretrained, const NetShape& shape) {
  FeedForwardNet net(shape);
  if (settings.finetune.from_scratch) {
    initialise_net(net, settings.training.seed);
  } else if (settings.finetune.autoencoder) {
    net = autoencoder_of_stack(pretrained.stack(), settings.finetune.code_unit);
  } else {
    net = classifier_of_stack(pretrained.stack(), shape.outputs());
  }
  return net;
}

void print_banner(const TrainSettings& settings, const TrainingRun& run, const Pretrained& pretrained,
                  const NetShape& shape, const std::vector<std::int32_t>& classes) {
  print_net_heading(run.layout(), settings.training.exchange,
                    exchange_pieces(net_training_options(settings), shape, run.data().views.training.rows,
                                    run.layout().nodes, run.layout().node.size()));
  print_data(settings, run.data());
  say("  model       {}, {} parameters; {}\n", to_text(shape), shape.parameters(), pretrained.in_words());
  if (!classes.empty()) {
    constexpr std::size_t most = 20;
    std::vector<std::string> shown;
    for (std::size_t k = 0; k < std::min(classes.size(), most); ++k) {
      shown.push_back(class_text(classes[k], run.data().class_names()));
    }
    say("  classes     {}{}\n", fmt::join(shown, ", "),
        classes.size() > most ? fmt::format(", ... ({} of them)", classes.size()) : "");
  }
  print_training(settings, run, rank_memory(settings, shape, run.data().views.training.rows, run));
}

std::string end_of_net(const EpochMetrics& last) {
  std::string text =
      fmt::format("error       {} {:.5f} in the last epoch", last.figures.front().name, last.figures.front().value);
  if (const auto error = last.figure("validation_error")) {
    text += fmt::format(", validation error {:.2f} %", *error * 100);
  }
  if (const auto error = last.figure("validation_squared_error")) {
    text += fmt::format(", validation squared error {:.4f}", *error);
  }
  return text;
}

}  // namespace

void run_finetune(const std::vector<std::string>& arguments, const Communicator& world) {
  const std::optional<TrainSettings> parsed = read_configuration(TrainingCommand::finetune, arguments, world);
  if (!parsed) {
    if (world.is_root()) put(stdout, configuration_help(TrainingCommand::finetune));
    return;
  }
  const TrainSettings& settings = *parsed;
  TrainingRun run("finetune", arguments, settings, world);
  const Pretrained pretrained(settings, run.model_so_far(), world);
  run.load_data([&](const DatasetInfo& info) {
    pretrained.check_columns(settings, info.columns);
    constexpr std::size_t few_classes = 100;  // how many there are, the labels will tell
    return memory_of(settings, shape_of(settings.finetune, info.columns, pretrained.hidden(), few_classes), run);
  });
  const TrainingData& data = run.data().views;
  std::vector<std::int32_t> classes;
  if (!settings.finetune.autoencoder) {
    world.agree([&] {
      check_class_names(settings, run.data().class_names(), run.data().validation_class_names());
      classes = find_classes(settings, data);
    });
  }
  if (run.is_finished(pretrained.digest())) return;

  const NetShape shape = shape_of(settings.finetune, data.training.columns, pretrained.hidden(), classes.size());
  TrainSettings in_use = settings;  // with what `auto` stands for
  in_use.training.shuffle_block = run.shuffle_block();
  in_use.training.exchange = exchange_in_use(net_training_options(settings), shape, data.training.rows, world);
  const auto described = [&] {
    Model model = run.description();
    model.classes = classes;
    model.class_names = names_of_classes(classes, run.data().class_names());
    model.code_layer = settings.finetune.autoencoder ? pretrained.hidden().size() : 0;
    return model;
  };
  if (!pretrained.digest().empty()) run.add_provenance("pretrained_digest", pretrained.digest());
  run.begin([&] { print_banner(in_use, run, pretrained, shape, classes); },
            [&] {
              Model model = described();
              model.net.emplace(shape);
              return model;
            });
  NetTrainingResult result = run.train([&](const TrainingEvents& events, std::optional<Checkpoint> checkpoint) {
    FeedForwardNet net;
    world.agree_on_root([&] { net = checkpoint ? FeedForwardNet(shape) : start_net(settings, pretrained, shape); });
    return train_net(net_training_options(in_use), std::move(net), classes, data, world, events,
                     saved_state(std::move(checkpoint)));
  });
  Model model = described();
  model.net = std::move(result.net);
  run.finish(model, result, world.is_root() ? end_of_net(run.last_epoch()) : "");
}

}  // namespace rbmpi
