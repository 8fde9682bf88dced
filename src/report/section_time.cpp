#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/report/chart.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/figures.hpp"

namespace rbmpi {
namespace {

/// In the order of TimePhase.
constexpr std::array<const char*, time_phase_names.size()> meanings = {"rows taken from memory, in their order",
                                                                       "sigmoids and random numbers",
                                                                       "products of states and weights",
                                                                       "waiting for the other ranks, sums over nodes",
                                                                       "new parameters from the gradient",
                                                                       "what after_epochs() says",
                                                                       "copies for checkpoints",
                                                                       "metrics, messages and the rest"};

/// What follows the epochs has one clock for all.
ShareChart::Part after_epochs(const RunSummary& run) {
  const bool validates = !run.value("validation").empty() && run.value("validation") != "none";
  const std::string every = run.value("evaluate-every");
  if (every.empty() || every == "0") {
    return {.name = "validation", .meaning = "the validation rows, after each epoch", .seconds = 0};
  }
  const std::string when = every == "1" ? "after each epoch" : "after each " + every + " epochs";
  if (!validates) {
    return {
        .name = "log-likelihood", .meaning = fmt::format("log Z, {} (evaluate-every = {})", when, every), .seconds = 0};
  }
  return {.name = "validation and log-likelihood",
          .meaning = fmt::format("the validation rows, after each epoch; log Z, {} (evaluate-every = {})", when, every),
          .seconds = 0};
}

std::string share_of_phases(const RunSummary& run) {
  ShareChart chart{
      .title = "Where the time went", .note = "The root's time in training, over all jobs of this run.", .parts = {}};
  for (std::size_t phase = 0; phase < time_phase_names.size(); ++phase) {
    double seconds = 0;
    for (const JobRecord& job : run.jobs) seconds += job.time_split[phase];
    ShareChart::Part part{.name = std::string(time_phase_names[phase]), .meaning = meanings[phase], .seconds = 0};
    if (phase == static_cast<std::size_t>(TimePhase::validation)) part = after_epochs(run);
    part.seconds = seconds;
    chart.parts.push_back(std::move(part));
  }
  return share_chart(chart);
}

/// How a job ended, given whether another one followed it.
std::string end_of(const JobRecord& job, bool last, bool finished) {
  if (job.end != "running") return escape(job.end + (job.message.empty() ? "" : ": " + job.message));
  if (!last) return "ended without a word";
  return finished ? "ended without a word" : "running, or ended without a word";
}

std::string jobs_of(const RunSummary& run) {
  const auto interruptions = static_cast<std::size_t>(std::ranges::count_if(
      run.jobs.begin(), run.jobs.end() - 1, [](const JobRecord& job) { return job.end != "finished"; }));
  const std::string& end = run.jobs.back().end;
  const bool waits = run.state == RunState::unfinished && end != "running" && end != "finished";
  std::string html = waits ? "<p>The run was stopped, and waits to be resumed.</p>\n" : "";
  if (interruptions == 0 && !waits && run.state != RunState::diverged) html = "<p>The run was never interrupted.</p>\n";
  if (interruptions > 0) {
    html += fmt::format("<p>The run was interrupted and resumed {}.</p>\n", interruptions == 1 ? "once"
                                                                            : interruptions == 2
                                                                                ? "twice"
                                                                                : count_text(interruptions, "time"));
  }
  HtmlTable content{.caption = "Jobs that worked on this run",
                    .columns = {{"begun"}, {"layout"}, {"steps"}, {"time", true}, {"end"}},
                    .rows = {}};
  for (std::size_t i = 0; i < run.jobs.size(); ++i) {
    const JobRecord& job = run.jobs[i];
    content.rows.push_back({when_text(job.began), layout_text(job),
                            fmt::format("{} to {}", whole_text(job.first_step), whole_text(job.last_step)),
                            seconds_text(job.seconds), end_of(job, i + 1 == run.jobs.size(), run.finished())});
  }
  return html + table(content);
}

constexpr std::size_t most_lines = 4;  // of a chart

Section time_section(const RunSummary& run, std::vector<LineChart::Series> speeds) {
  std::string html = run.jobs.empty() ? "" : share_of_phases(run);
  html += "<div class=\"charts\">\n";
  html += line_chart({.title = "Speed",
                      .note = "Without validation. A dip is an epoch in which the machine had something else to do.",
                      .x_name = "epoch",
                      .y_name = "rows a second",
                      .series = std::move(speeds)});
  html += "</div>\n";
  if (!run.jobs.empty()) html += jobs_of(run);
  return {.id = "time", .title = "Time", .html = html};
}

}  // namespace

Section time_section(const RunSummary& run) {
  return time_section(run, {{.name = "rows/s", .points = points_of(run.epochs, "samples_per_second")}});
}

Section time_section(const RunLayer& layer) {
  return time_section(*layer.run, {{.name = "rows/s", .points = points_of(layer.epochs, "samples_per_second")}});
}

Section time_section(std::span<const RunLayer> layers) {
  std::vector<LineChart::Series> speeds;
  for (const RunLayer& layer : layers.first(std::min(layers.size(), most_lines))) {
    speeds.push_back(
        {.name = fmt::format("layer {}", layer.number + 1), .points = points_of(layer.epochs, "samples_per_second")});
  }
  return time_section(*layers.front().run, std::move(speeds));
}

}  // namespace rbmpi
