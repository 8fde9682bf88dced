#include "rbmpi/report/run_summary.hpp"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <sstream>
#include <system_error>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/model/model_file.hpp"
#include "rbmpi/storage/regular_file.hpp"
#include "rbmpi/storage/text_file.hpp"
#include "rbmpi/train/named_model.hpp"
#include "rbmpi/train/run_end.hpp"
#include "rbmpi/train/run_folder.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_text = std::size_t{1} << 26U;

/// A text of the folder; empty if it is not there or cannot be read.
std::string text_or_nothing(const fs::path& path) {
  try {
    return is_there(path) ? read_text_file(path, longest_text) : std::string();
  } catch (const Error&) {
    return {};
  }
}

std::vector<std::pair<std::string, std::string>> parse_pairs(const std::string& text) {
  constexpr std::string_view between = " = ";
  std::vector<std::pair<std::string, std::string>> pairs;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find(between);
    if (at != std::string::npos) pairs.emplace_back(line.substr(0, at), line.substr(at + between.size()));
  }
  return pairs;
}

/// Of a layer; epochs of runs with one layer need not say so.
bool is_of(const EpochFigures& epoch, std::size_t layer) {
  const auto found = epoch.find("layer");
  return (found == epoch.end() ? 0 : found->second) == static_cast<double>(layer);
}

std::size_t count_of(const std::string& text, std::size_t otherwise) {
  const std::optional<double> number = parse_number(text);
  return number && *number >= 0 && *number < 0x1p63 ? static_cast<std::size_t>(*number) : otherwise;
}

/// As its configuration says.
RunGoal goal_of(const RunSummary& run) {
  RunGoal goal{.layers = run.layers(),
               .epochs = count_of(run.value("epochs", run.progress->layer), TrainingOptions().epochs),
               .last_step = 0,
               .patience = {}};
  if (!run.value("updates").empty()) {
    for (std::size_t layer = 0; layer <= run.progress->layer; ++layer) {
      goal.last_step += count_of(run.value("updates", layer), 0);
    }
  }
  const std::string rule = run.value("early-stop");
  if (!rule.empty() && rule != "off") goal.patience = count_of(run.value("patience"), TrainingOptions().patience);
  return goal;
}

RunState state_of(const RunSummary& run, const RunFolder& folder) {
  if (is_there(folder.model())) {
    // Without a checkpoint nothing can go on: the model is the end.
    if (run.model && !run.progress) return RunState::finished;
    const RunEnd end = run.progress ? end_of_run(goal_of(run), *run.progress) : RunEnd::not_yet;
    if (end == RunEnd::all_done) return RunState::finished;
    if (end == RunEnd::stopped_early) return RunState::stopped_early;
  }
  return !run.jobs.empty() && run.jobs.back().end == "diverged" ? RunState::diverged : RunState::unfinished;
}

void take(NamedModel&& named, RunSummary& run) {
  run.model = {.file = named.file.filename().string(), .steps = {}, .model = std::move(named.model), .digest = {}};
  if (named.progress) run.model->steps = named.progress->steps;
  const Model& model = run.model->model;
  run.model->digest = model_digest(model);
  run.provenance = model.provenance;
  if (run.configuration.empty()) run.configuration = parse_pairs(model.configuration);
  if (model.net) run.kind = model.net->shape().is_classifier() ? RunKind::classifier : RunKind::autoencoder;
}

/// The model to show and the state of the run.
void find_model(const RunFolder& folder, RunSummary& run) {
  try {
    if (std::optional<NamedModel> newest = newest_model(folder)) {
      run.progress = newest->progress;
      take(std::move(*newest), run);
    }
    run.state = state_of(run, folder);
    if (run.is_net() && is_there(folder.best())) {
      take(load_best_model(folder.path()), run);
    } else if (run.finished() && run.progress) {
      // The same parameters, by the name that people look for.
      take(load_named_model(folder.model()), run);
    }
  } catch (const Error& error) {
    if (error.failure() != Failure::file) throw;
    run.model_problem = error.what();
  }
}

/// As its configuration says; of a run that has none, its model will tell.
RunKind kind_of(const RunSummary& run) {
  const std::string autoencoder = run.value("autoencoder");
  if (autoencoder.empty()) return RunKind::machines;
  return autoencoder == "on" ? RunKind::autoencoder : RunKind::classifier;
}

}  // namespace

std::string RunSummary::value(const std::string& key) const {
  const auto found = std::ranges::find(configuration, key, &std::pair<std::string, std::string>::first);
  return found == configuration.end() ? "" : found->second;
}

std::string RunSummary::value(const std::string& key, std::size_t layer) const {
  std::string text = value(key);
  for (; layer > 0 && text.find('/') != std::string::npos; --layer) text.erase(0, text.find('/') + 1);
  return text.substr(0, text.find('/'));
}

std::size_t RunSummary::layers() const {
  if (is_net()) return 1;
  const std::string wanted = value("layers");
  const auto configured = static_cast<std::size_t>(std::ranges::count(wanted, ',')) + 1;
  return std::max(configured, model ? model->model.layers.size() : std::size_t{1});
}

RunLayer layer_of(const RunSummary& run, std::size_t number) {
  if (run.is_net()) {
    throw Error(Failure::usage, fmt::format("option --layer {}: the run in '{}' is of a net, which is shown as a whole",
                                            number + 1, run.folder.string()));
  }
  RunLayer layer{.run = &run,
                 .number = number,
                 .epochs = {},
                 .state = run.state,
                 .rbm = {},
                 .below = {},
                 .classes = {},
                 .chains = {}};
  std::ranges::copy_if(run.epochs, std::back_inserter(layer.epochs),
                       [&](const EpochFigures& epoch) { return is_of(epoch, number); });
  const std::span<const Rbm> all = run.model ? std::span<const Rbm>(run.model->model.layers) : std::span<const Rbm>();
  if (number < all.size()) {
    layer.rbm = &all[number];
    const auto chains = run.model->model.chains.find(number);
    if (chains != run.model->model.chains.end()) layer.chains = &chains->second;
    layer.below = all.first(number);
    if (number + 1 == all.size()) layer.classes = run.model->model.classes;
  } else if (number > 0 && layer.epochs.empty()) {
    throw Error(
        Failure::usage,
        run.model
            ? fmt::format("option --layer {}: the newest model of the run, '{}', has {} layer{}", number + 1,
                          (run.folder / run.model->file).string(), all.size(), all.size() == 1 ? "" : "s")
            : fmt::format("option --layer {}: the run in '{}' has not come so far", number + 1, run.folder.string()));
  }
  if (run.progress && run.progress->layer > number) layer.state = RunState::finished;
  return layer;
}

std::vector<RunLayer> begun_layers(const RunSummary& run) {
  std::vector<RunLayer> layers = {layer_of(run, 0)};
  for (std::size_t number = 1; number < run.layers(); ++number) {
    const bool has_parameters = run.model && number < run.model->model.layers.size();
    const bool has_epochs =
        std::ranges::any_of(run.epochs, [&](const EpochFigures& epoch) { return is_of(epoch, number); });
    if (!has_parameters && !has_epochs) break;
    layers.push_back(layer_of(run, number));
  }
  return layers;
}

std::vector<EpochFigures> parse_metrics(const std::string& name, const std::string& text) {
  std::vector<EpochFigures> epochs;
  std::istringstream lines(text);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const bool has_end = !lines.eof();
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) {
      if (!has_end) break;  // it is being written
      throw Error(Failure::file, fmt::format("'{}', line {}: one JSON object a line would be right", name, number));
    }
    EpochFigures figures;
    for (const auto& [key, value] : json.items()) {
      if (value.is_number()) figures[key] = value.get<double>();
    }
    if (!figures.contains("epoch")) {
      throw Error(Failure::file, fmt::format("'{}', line {}: it has no number 'epoch'", name, number));
    }
    epochs.push_back(std::move(figures));
  }
  return epochs;
}

RunSummary read_run(const fs::path& path) {
  const RunFolder folder(path);
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    throw Error(Failure::file, fmt::format("'{}' is {}; the output folder of a training would be right", path.string(),
                                           is_there(path) ? "no folder" : "not there"));
  }
  if (!is_there(folder.metrics()) && !is_there(folder.configuration())) {
    throw Error(Failure::file,
                fmt::format("'{}' is no folder of a run: it has neither '{}' nor '{}'", path.string(),
                            folder.metrics().filename().string(), folder.configuration().filename().string()));
  }
  RunSummary run;
  run.folder = path;
  run.made = fmt::format("{:%F %H:%M} UTC", fmt::gmtime(std::time(nullptr)));
  if (is_there(folder.metrics())) {
    run.epochs = parse_metrics(folder.metrics().string(), read_text_file(folder.metrics(), longest_text));
  }
  run.jobs = parse_jobs(text_or_nothing(folder.jobs()));
  run.configuration = parse_pairs(text_or_nothing(folder.configuration()));
  run.kind = kind_of(run);
  run.state = state_of(run, folder);
  find_model(folder, run);
  if (run.epochs.empty() && !run.model && run.state != RunState::diverged) {
    throw Error(Failure::file,
                fmt::format("the run in '{}' has no epoch yet; there is something to report after the first one, or "
                            "after the first checkpoint (checkpoint-seconds, checkpoint-steps){}",
                            path.string(), run.model_problem.empty() ? "" : "; " + run.model_problem));
  }
  return run;
}

}  // namespace rbmpi
