#include "rbmpi/report/run_summary.hpp"

#include <algorithm>
#include <ctime>
#include <sstream>
#include <system_error>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/model/model_file.hpp"
#include "rbmpi/storage/text_file.hpp"
#include "rbmpi/train/early_stop.hpp"
#include "rbmpi/train/named_model.hpp"
#include "rbmpi/train/run_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_text = std::size_t{1} << 26U;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

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

/// The value for a layer of "50/20": the last one holds for the layers above it.
std::string value_of_layer(std::string text, std::uint64_t layer) {
  for (; layer > 0 && text.find('/') != std::string::npos; --layer) text.erase(0, text.find('/') + 1);
  return text.substr(0, text.find('/'));
}

/// What stopped_early() looks at, and the epochs.
TrainingOptions options_of(const RunSummary& run) {
  const auto count = [](const std::string& text, std::uint64_t otherwise) {
    const std::optional<double> number = parse_number(text);
    return number && *number >= 0 && *number < 0x1p63 ? static_cast<std::uint64_t>(*number) : otherwise;
  };
  TrainingOptions options;
  // Of a stack, those of the layer in work.
  const std::uint64_t layer = run.progress ? run.progress->layer : 0;
  options.epochs = count(value_of_layer(run.value("epochs"), layer), options.epochs);
  options.patience = count(run.value("patience"), options.patience);
  const std::string rule = run.value("early-stop");
  if (rule == "gap") options.early_stop = EarlyStop::gap;
  if (rule == "pseudo-likelihood") options.early_stop = EarlyStop::pseudo_likelihood;
  return options;
}

/// How many layers a run trains.
std::uint64_t layers_of(const RunSummary& run) {
  const std::string layers = run.value("layers");
  return static_cast<std::uint64_t>(std::ranges::count(layers, ',')) + 1;
}

RunState state_of(const RunSummary& run, const RunFolder& folder) {
  const TrainingOptions options = options_of(run);
  if (is_there(folder.model())) {
    // Without a checkpoint nothing can go on: the model is the end.
    if (run.model && !run.progress) return RunState::finished;
    const bool highest = run.progress && (run.progress->layer + 1 >= layers_of(run));
    if (highest && run.progress->epoch > options.epochs) return RunState::finished;
    if (highest && stopped_early(options, *run.progress)) return RunState::stopped_early;
  }
  return !run.jobs.empty() && run.jobs.back().end == "diverged" ? RunState::diverged : RunState::unfinished;
}

void take(NamedModel&& named, std::size_t layer, RunSummary& run) {
  refuse_net(named.model, named.file);
  std::vector<Rbm>& layers = named.model.layers;
  if (layer >= layers.size()) {
    throw Error(Failure::usage,
                fmt::format("option --layer {}: the newest model of the run, '{}', has {} layer{}", layer + 1,
                            named.file.string(), layers.size(), layers.size() == 1 ? "" : "s"));
  }
  run.model = {.file = named.file.filename().string(),
               .steps = {},
               .below = {},
               .rbm = {},
               .classes = layer + 1 == layers.size() ? named.model.classes : std::vector<std::int32_t>(),
               .digest = {}};
  if (named.progress) run.model->steps = named.progress->steps;
  run.model->digest = model_digest(named.model.layers);
  run.model->rbm = std::move(layers[layer]);
  for (std::size_t i = 0; i < layer; ++i) run.model->below.push_back(std::move(layers[i]));
  run.provenance = std::move(named.model.provenance);
  if (run.configuration.empty()) run.configuration = parse_pairs(named.model.configuration);
}

/// The newest model and the state of the run.
void find_model(const RunFolder& folder, std::size_t layer, RunSummary& run) {
  try {
    if (std::optional<NamedModel> newest = newest_model(folder)) {
      run.progress = newest->progress;
      take(std::move(*newest), layer, run);
    }
    run.state = state_of(run, folder);
    // The same parameters, by the name that people look for.
    if (run.finished() && run.progress) take(load_named_model(folder.model()), layer, run);
  } catch (const Error& error) {
    if (error.failure() != Failure::file) throw;
    run.model_problem = error.what();
  }
}

}  // namespace

std::string RunSummary::value(const std::string& key) const {
  const auto found = std::ranges::find(configuration, key, &std::pair<std::string, std::string>::first);
  return found == configuration.end() ? "" : found->second;
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

RunSummary read_run(const fs::path& path, std::size_t layer) {
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
    std::erase_if(run.epochs, [&](const EpochFigures& epoch) {
      const auto of = epoch.find("layer");
      return (of == epoch.end() ? 0 : of->second) != static_cast<double>(layer);
    });
  }
  run.jobs = parse_jobs(text_or_nothing(folder.jobs()));
  run.configuration = parse_pairs(text_or_nothing(folder.configuration()));
  run.state = state_of(run, folder);
  find_model(folder, layer, run);
  if (run.epochs.empty() && !run.model && run.state != RunState::diverged) {
    throw Error(Failure::file,
                fmt::format("the run in '{}' has no epoch yet; there is something to report after the first one, or "
                            "after the first checkpoint (checkpoint-seconds, checkpoint-steps){}",
                            path.string(), run.model_problem.empty() ? "" : "; " + run.model_problem));
  }
  return run;
}

}  // namespace rbmpi
