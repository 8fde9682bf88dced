#include "app/run_start.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "rbmpi/storage/text_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const RunFolder& folder, const std::string& what) {
  throw Error(Failure::usage,
              fmt::format("the output folder '{}' holds a run {}; --fresh starts over and moves that run "
                          "aside, another --output leaves it alone",
                          folder.path().string(), what));
}

/// What differs between the configuration of a run and the settings, in one text.
std::string differences(const std::string& configuration, const TrainSettings& settings) {
  try {
    return fmt::format("{}", fmt::join(configuration_differences("the run", configuration, settings), "; "));
  } catch (const Error& error) {
    return fmt::format("it has none that can be read: {}", error.what());
  }
}

/// The configuration in the folder, or nothing: there is none, or it is none.
std::optional<std::string> configuration_of(const RunFolder& folder, TrainingCommand command) {
  constexpr std::size_t longest = std::size_t{1} << 20U;
  try {
    std::string text = read_text_file(folder.configuration(), longest);
    (void)parse_configuration(folder.configuration().string(), text, command);
    return text;
  } catch (const Error&) {
    return std::nullopt;
  }
}

bool holds(const fs::path& file, const std::string& text) {
  try {
    return is_there(file) && read_text_file(file, text.size()) == text;
  } catch (const Error&) {
    return false;
  }
}

/// Whether a file is this model, with its chains.
bool holds(const fs::path& file, const Model& model) {
  try {
    if (!is_there(file)) return false;
    const Model found = load_model(file);
    return model_digest(found) == model_digest(model) && found.chains == model.chains;
  } catch (const Error&) {
    return false;
  }
}

std::string text_of(const std::map<std::string, std::string>& texts, const std::string& name) {
  const auto found = texts.find(name);
  return found == texts.end() ? "" : found->second;
}

/// Why another command made this model; empty if it did not.
std::string other_command(const Model& model, const TrainSettings& settings) {
  const bool is_net = model.net.has_value();
  if (is_net == (settings.command == TrainingCommand::finetune)) return {};
  return fmt::format("it is one of rbmpi {}", is_net ? "finetune" : "train");
}

}  // namespace

RunStart::RunStart(const TrainSettings& settings, const std::function<void(const std::string&)>& warn)
    : settings_(settings), folder_(settings.output) {
  folder_.check();
  if (!is_there(folder_.path())) return;
  lock(warn);
  if (!settings_.fresh) find_run(warn);
}

void RunStart::lock(const std::function<void(const std::string&)>& warn) {
  constexpr std::chrono::seconds patience{10};  // ranks of a job that was killed end within a few seconds
  lock_.emplace(folder_.lock(), patience, warn);
  folder_.remove_partial_files();  // nobody writes them any more
  if (!lock_->dead_owner().empty()) {
    warn(fmt::format("the last job in '{}' ended without a word ({})", folder_.path().string(), lock_->dead_owner()));
  }
}

void RunStart::find_run(const std::function<void(const std::string&)>& warn) {
  now_doing("reading the checkpoint");
  const bool any_before = !folder_.checkpoints().empty();
  std::string unusable;
  checkpoint_ = newest_checkpoint(
      folder_,
      [&](const Checkpoint& checkpoint) {
        if (std::string command = other_command(checkpoint.model, settings_); !command.empty()) return command;
        const std::string text = differences(checkpoint.model.configuration, settings_);
        return text.empty() ? text : "it is of another configuration: " + text;
      },
      warn, unusable);
  if (checkpoint_) {
    take_checkpoint(warn);
    return;
  }
  if (any_before && unusable.empty()) warn("no whole checkpoint is left; the training starts over");
  if (!unusable.empty()) {
    refuse(folder_, "that this command cannot go on with: " + unusable);
  } else if (is_there(folder_.model())) {
    take_model();
  } else if (const std::optional<std::string> configuration = configuration_of(folder_, settings_.command)) {
    // A run that was killed before its first checkpoint.
    const std::string difference = differences(*configuration, settings_);
    if (!difference.empty()) refuse(folder_, "of another configuration: " + difference);
  }
}

void RunStart::take_checkpoint(const std::function<void(const std::string&)>& warn) {
  provenance_ = checkpoint_->model.provenance;
  const TrainingProgress& progress = checkpoint_->progress;
  // A net has its layers trained together.
  const bool is_stack = settings_.command == TrainingCommand::train;
  const GreedyOptions stack = greedy_options(settings_);
  if (is_stack) check_layers_below(stack);
  const RunGoal goal = goal_of_layer(settings_, progress.layer);
  const RunEnd end = end_of_run(settings_, progress);
  if (!layer_is_done(goal, progress) && end == RunEnd::not_yet) return;
  if (end != RunEnd::stopped_early && is_beyond(goal, progress)) {
    const OptimizationOptions& options = is_stack ? stack.layers.at(progress.layer) : settings_.training;
    const std::string length = length_text(options);
    refuse(folder_,
           options.updates > 0
               ? fmt::format("that has done {} already, more than {}",
                             plural(progress.steps - (goal.last_step - options.updates), "update"), length)
           : progress.epoch_rows > 0
               ? fmt::format("that is in epoch {} already, beyond {}", progress.epoch, length)
               : fmt::format("that has done {} already, more than {}", plural(progress.epoch - 1, "epoch"), length));
  }
  if (end == RunEnd::not_yet) return;  // layers above it are left
  finished_model_ = rbmpi::take_model(*checkpoint_);
  // A job may have been killed between its last checkpoint and its model.
  if (!holds(folder_.model(), *finished_model_)) {
    save_model(folder_.model(), *finished_model_);
    warn(fmt::format("'{}' was not that of the last checkpoint and is written anew", folder_.model().string()));
  }
  // The metrics as well, or it may have gone on from there and never come to a checkpoint.
  if (!holds(folder_.metrics(), checkpoint_->metrics)) write_text_file(folder_.metrics(), checkpoint_->metrics);
  folder_.restore_configuration(finished_model_->configuration);
}

void RunStart::check_layers_below(const GreedyOptions& stack) const {
  const GreedyOptions run = greedy_options(parse_configuration("the run", checkpoint_->model.configuration));
  const std::size_t layer = checkpoint_->progress.layer;
  if (layer >= stack.layers.size() || layer >= run.layers.size()) {
    refuse(folder_, fmt::format("that is in layer {} of {}", layer + 1, stack.layers.size()));
  }
  for (std::size_t i = 0; i < layer; ++i) {
    const std::string length = length_text(run.layers[i]);
    const std::string wanted = length_text(stack.layers[i]);
    if (length == wanted) continue;
    const bool same_key = (run.layers[i].updates > 0) == (stack.layers[i].updates > 0);
    const std::string more = same_key ? wanted.substr(wanted.rfind(' ') + 1) : "...";
    refuse(folder_,
           fmt::format("that has finished layer {} after {}, not after {}; values for each layer, as in {}/{}, "
                       "give more to those above",
                       i + 1, length_in_words(run.layers[i]), wanted, length, more));
  }
}

void RunStart::take_model() {
  Model model = load_model(folder_.model());
  if (const std::string command = other_command(model, settings_); !command.empty()) {
    refuse(folder_, "that this command cannot go on with: " + command);
  }
  const std::string difference = differences(model.configuration, settings_);
  if (!difference.empty()) refuse(folder_, "of another configuration: " + difference);
  const TrainSettings run = parse_configuration("the model", model.configuration, settings_.command);
  if (length_text(run) != length_text(settings_)) {
    refuse(folder_, fmt::format("of {} that is finished, but has no checkpoint to go on from to {}", length_text(run),
                                length_text(settings_)));
  }
  if (run.layers.hidden != settings_.layers.hidden) {
    refuse(folder_,
           fmt::format("of {} that is finished, but has no checkpoint to go on from to {}",
                       plural(run.layers.hidden.size(), "layer"), plural(settings_.layers.hidden.size(), "layer")));
  }
  folder_.restore_configuration(model.configuration);
  provenance_ = model.provenance;
  finished_model_ = std::move(model);
}

void RunStart::check_origin(const std::string& dataset_digest, const std::string& validation_digest,
                            const std::string& pretrained_digest) const {
  const auto compare = [&](const char* key, const fs::path& file, const std::string& before, const std::string& now) {
    if (before.empty() || now.empty() || before == now) return;
    refuse(folder_,
           fmt::format("on other data: {} = {} has the digest {}, but {} in the run", key, file.string(), now, before));
  };
  compare("data", settings_.data, text_of(provenance_, "dataset_digest"), dataset_digest);
  compare("validation", settings_.validation, text_of(provenance_, "validation_digest"), validation_digest);
  const std::string pretrained = text_of(provenance_, "pretrained_digest");
  if (!pretrained.empty() && !pretrained_digest.empty() && pretrained != pretrained_digest) {
    refuse(folder_, fmt::format("that began with another model: model = {} has the digest {}, but {} in the run",
                                settings_.finetune.model.string(), pretrained_digest, pretrained));
  }
}

fs::path RunStart::prepare() {
  fs::path aside;
  if (settings_.fresh && lock_) {
    aside = folder_.move_aside();
    std::error_code ignored;
    fs::remove(aside / folder_.lock().filename(), ignored);
    lock_.reset();
  }
  if (!lock_) {
    folder_.create();
    lock_.emplace(folder_.lock());
    // A folder that was not there, or was moved, a moment ago: another run may have come and gone.
    if (!folder_.checkpoints().empty() || is_there(folder_.configuration()) || is_there(folder_.model())) {
      throw Error(Failure::file, fmt::format("another job has begun a run in the output folder '{}' in the meantime",
                                             folder_.path().string()));
    }
  }
  folder_.write_configuration(effective_configuration(settings_));
  return aside;
}

}  // namespace rbmpi
