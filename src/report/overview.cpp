#include "report/overview.hpp"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "rbmpi/core/parse.hpp"
#include "rbmpi/report/html.hpp"
#include "report/figures.hpp"

namespace rbmpi {

std::string large_figure(const std::string& name, const std::string& figure, const std::string& word) {
  return fmt::format("<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>\n", name, figure, word);
}

const char* state_name(RunState state) {
  switch (state) {
    case RunState::finished:
      return "finished";
    case RunState::stopped_early:
      return "stopped early";
    case RunState::diverged:
      return "diverged";
    case RunState::unfinished:
      return "not finished";
  }
  return "";
}

TrainingLength length_of(const RunSummary& run, std::size_t layer, const std::vector<EpochFigures>& epochs) {
  const auto last = [&](const char* key) {
    const auto found = epochs.empty() ? EpochFigures::const_iterator() : epochs.back().find(key);
    return epochs.empty() || found == epochs.back().end() ? std::string("0") : number_text(found->second, 9);
  };
  const std::string updates = run.value("updates", layer);
  if (!updates.empty()) return {"updates", last("step"), updates};
  return {"epochs", last("epoch"), run.value("epochs", layer)};
}

std::string length_figure(const TrainingLength& length, RunState state) {
  return large_figure(length.unit == "epochs" ? "Epochs" : "Updates", length.done,
                      (length.wanted.empty() ? "" : "of " + escape(length.wanted) + ", ") + state_name(state));
}

double seconds_of(const std::vector<EpochFigures>& epochs) {
  double seconds = 0;
  for (const EpochFigures& epoch : epochs) {
    if (epoch.contains("seconds") && epoch.contains("samples")) seconds += epoch.at("seconds");
  }
  return seconds;
}

std::string time_figure(const std::vector<EpochFigures>& epochs) {
  const double seconds = seconds_of(epochs);
  if (!(seconds > 0)) return {};
  double rows = 0;
  for (const EpochFigures& epoch : epochs) {
    if (epoch.contains("seconds") && epoch.contains("samples")) rows += epoch.at("samples");
  }
  return large_figure("Time of training", seconds_text(seconds),
                      whole_text(static_cast<std::uint64_t>(rows / seconds)) + " rows/s");
}

std::string facts_list(const Facts& facts) {
  std::string html = "<h3>What was run</h3>\n<dl class=\"facts\">\n";
  for (const auto& [name, value] : facts) {
    if (!value.empty()) html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), value);
  }
  return html + "</dl>\n";
}

std::string value_html(const std::string& value) {
  const bool is_path = value.find('/') != std::string::npos;
  return is_path ? "<code>" + escape(value) + "</code>" : escape(value);
}

std::string parameters_from(const RunSummary& run) {
  if (!run.model) return {};
  std::string html = "<code>" + escape(run.model->file) + "</code>";
  if (run.model->steps) html += ", after " + count_text(*run.model->steps, "step");
  return html;
}

void add_rare_keys(const RunSummary& run, std::optional<std::size_t> layer, Facts& facts) {
  struct Key {
    const char* key;
    const char* name;
    const char* usual;
  };
  for (const auto& [key, name, usual] :
       {Key{"sweeps", "Sweeps a step", "1"}, Key{"chains", "Persistent chains", "auto"},
        Key{"statistics", "Hidden units of the data", "auto"},
        Key{"reconstruction", "Visible units of the chains", "states"}, Key{"centring", "Centring", "off"},
        Key{"rate-decay", "Rate decay", "1"}, Key{"field-cost", "Field cost", "0"}, Key{"l1", "L1 penalty", "0"},
        Key{"clip-gradient", "Gradient clipped", "0"}}) {
    const std::string value = layer ? run.value(key, *layer) : run.value(key);
    if (value != usual) facts.emplace_back(name, escape(value));
  }
}

void add_jobs(const RunSummary& run, Facts& facts) {
  if (run.jobs.empty()) return;
  facts.emplace_back("Layout", layout_text(run.jobs.back()));
  facts.emplace_back("Begun", when_text(run.jobs.front().began));
}

std::string validation_html(const RunSummary& run) {
  const std::string value = run.value("validation");
  const std::optional<double> share = parse_number(value);
  if (!share) return value_html(value);
  return fmt::format("the last {} % of the rows", number_text(*share * 100, 4));
}

std::string trained_on(const RunSummary& run) {
  std::string text;
  const std::string data = std::filesystem::path(run.value("data")).filename().string();
  if (!data.empty()) text += fmt::format(", trained on <code>{}</code>", escape(data));
  double rows = 0;  // the last epoch may have ended in the middle
  for (const LineChart::Point& epoch : points_of(run.epochs, "samples")) rows = std::max(rows, epoch.y);
  if (rows > 0) text += fmt::format(" ({})", count_text(static_cast<std::uint64_t>(rows), "row"));
  return text;
}

}  // namespace rbmpi
