#include "rbmpi/report/run_summary.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <sstream>
#include <system_error>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/model/model_file.hpp"
#include "rbmpi/storage/text_file.hpp"
#include "rbmpi/train/checkpoint.hpp"
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

/// The newest model, with the configuration and the provenance in its file.
struct ReadModel {
  RunSummary::NewestModel newest;
  std::string configuration;
  std::map<std::string, std::string> provenance;
};

ReadModel take(Model&& model, const std::string& file, std::optional<std::uint64_t> steps) {
  ReadModel read;
  read.newest = {.file = file, .steps = steps, .rbm = {}, .digest = model_digest(model.layers)};
  read.newest.rbm = std::move(model.layers.front());
  read.configuration = std::move(model.configuration);
  read.provenance = std::move(model.provenance);
  return read;
}

std::optional<ReadModel> newest_model(const RunFolder& folder, bool finished) {
  const auto end = [&] { return take(load_model(folder.model()), folder.model().filename().string(), std::nullopt); };
  if (finished) return end();
  for (const std::uint64_t steps : folder.checkpoints()) {
    throw_if_stopped("reading the checkpoint");
    try {
      const fs::path file = folder.checkpoint(steps);
      return take(std::move(load_checkpoint(file).model), file.filename().string(), steps);
    } catch (const Error&) {
      continue;  // damaged, or removed since the folder was listed: an older one will do
    }
  }
  if (!is_there(folder.model())) return std::nullopt;
  return end();
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
  if (run.epochs.empty()) {
    throw Error(Failure::file,
                fmt::format("the run in '{}' has no epoch yet; there is nothing to report before the end "
                            "of the first one",
                            path.string()));
  }
  run.jobs = parse_jobs(text_or_nothing(folder.jobs()));
  const std::string configuration = text_or_nothing(folder.configuration());
  run.configuration = parse_pairs(configuration);
  double epochs = 0;
  const std::string wanted = run.value("epochs");
  std::from_chars(wanted.data(), wanted.data() + wanted.size(), epochs);
  const bool ended =
      run.epochs.back().at("epoch") >= epochs || (!run.jobs.empty() && run.jobs.back().end == "finished");
  run.finished = ended && is_there(folder.model());

  if (std::optional<ReadModel> model = newest_model(folder, run.finished)) {
    if (configuration.empty()) run.configuration = parse_pairs(model->configuration);
    run.provenance = std::move(model->provenance);
    run.model = std::move(model->newest);
  }
  return run;
}

}  // namespace rbmpi
