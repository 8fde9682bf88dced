#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/parse.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/figures.hpp"

namespace rbmpi {
namespace {

/// A figure in large type: its name, the figure, and a word below. All three are HTML.
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

std::string epochs_figure(const RunSummary& run) {
  const std::string wanted = run.value("epochs");
  return large_figure("Epochs", run.epochs.empty() ? "0" : number_text(run.epochs.back().at("epoch"), 9),
                      (wanted.empty() ? "" : "of " + escape(wanted) + ", ") + state_name(run.state));
}

std::string error_figure(const RunSummary& run) {
  const auto training = last_figure(run.epochs, "reconstruction_mse");
  const auto validation = last_figure(run.epochs, "validation_reconstruction_mse");
  if (!training) return {};
  return large_figure("Reconstruction error", figure_text(training->value),
                      validation ? "validation " + figure_text(validation->value) : "mean square");
}

std::string gap_figure(const RunSummary& run) {
  const std::vector<LineChart::Point> gaps = free_energy_gaps(run.epochs);
  if (gaps.empty()) return {};
  return large_figure("Free-energy gap", number_text(gaps.back().y, 3), "nats, from training to validation");
}

std::string likelihood_figure(const RunSummary& run) {
  for (const char* const key : {"validation_log_likelihood", "training_log_likelihood"}) {
    const auto last = last_figure(run.epochs, key);
    if (!last) continue;
    return large_figure("Log-likelihood", number_text(last->value, 5),
                        fmt::format("nats a row, epoch {}", number_text(last->epoch, 9)));
  }
  return {};
}

std::string units_figure(const RunSummary& run, const HiddenUse* use) {
  if (!run.model) return {};
  std::string word = "visible " + whole_text(run.model->rbm.shape().visible);
  if (use != nullptr) {
    word = fmt::format("{} dead, {} saturated", std::ranges::count_if(use->activity, is_dead),
                       std::ranges::count_if(use->activity, is_saturated));
  }
  return large_figure("Hidden units", whole_text(run.model->rbm.shape().hidden), word);
}

std::string time_figure(const RunSummary& run) {
  double seconds = 0;
  double rows = 0;
  for (const EpochFigures& epoch : run.epochs) {
    if (!epoch.contains("seconds") || !epoch.contains("samples")) continue;
    seconds += epoch.at("seconds");
    rows += epoch.at("samples");
  }
  if (!(seconds > 0)) return {};
  return large_figure("Time of training", seconds_text(seconds),
                      whole_text(static_cast<std::uint64_t>(rows / seconds)) + " rows/s");
}

std::string facts(const RunSummary& run) {
  // The keys that say most, with the names that people use for them.
  constexpr std::array<std::pair<const char*, const char*>, 13> named = {{{"data", "Data"},
                                                                          {"rows", "Rows used"},
                                                                          {"validation", "Validation"},
                                                                          {"estimator", "Gradient"},
                                                                          {"optimizer", "Optimizer"},
                                                                          {"batch-size", "Batch size"},
                                                                          {"learning-rate", "Learning rate"},
                                                                          {"momentum", "Momentum"},
                                                                          {"weight-cost", "Weight cost"},
                                                                          {"visible-bias-init", "First visible biases"},
                                                                          {"sample-data", "Data sampled"},
                                                                          {"arithmetic", "Arithmetic"},
                                                                          {"seed", "Seed"}}};
  std::string html = "<h3>What was run</h3>\n<dl class=\"facts\">\n";
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), value);
  };
  if (run.model) {
    const RbmShape shape = run.model->rbm.shape();
    add("Model", fmt::format("{} visible and {} hidden zero-one units, {} parameters", whole_text(shape.visible),
                             whole_text(shape.hidden), whole_text(shape.parameters())));
    add("Parameters from", "<code>" + escape(run.model->file) + "</code>" +
                               (run.model->steps ? ", after " + count_text(*run.model->steps, "step") : ""));
  }
  if (run.progress && run.progress->best_epoch > 0) {
    add("Best epoch", fmt::format("{}, in <code>best.h5</code> (early-stop = {})", run.progress->best_epoch,
                                  escape(run.value("early-stop"))));
  }
  for (const auto& [key, name] : named) {
    const std::string value = run.value(key);
    const bool is_path = value.find('/') != std::string::npos;
    add(name, is_path ? "<code>" + escape(value) + "</code>" : escape(value));
  }
  if (!run.jobs.empty()) {
    const JobRecord& job = run.jobs.back();
    add("Layout", layout_text(job));
    add("Begun", when_text(run.jobs.front().began));
  }
  return html + "</dl>\n";
}

std::string note(const std::string& html) {
  return "<p class=\"note\">" + html + "</p>\n";
}

/// The command that starts over with a smaller learning rate; empty if that is a schedule or not known.
std::string gentler_command(const RunSummary& run) {
  constexpr double usual = 0.1;
  const std::optional<double> rate = parse_number(run.value("learning-rate"));
  if (!rate || !(*rate > 0)) return {};
  return fmt::format("{} --learning-rate {:g}", repeating_command(run), *rate > 10 * usual ? usual : *rate / 10);
}

/// What became of a run that diverged, and what to try.
std::string divergence(const RunSummary& run) {
  const std::string message = run.jobs.back().message;
  std::string html =
      note("<strong>The run diverged</strong>" + (message.empty() ? "." : ": " + escape(message) + ".") +
           (run.model ? " The model on this page is that of <code>" + escape(run.model->file) + "</code>, from before" +
                            (run.model->steps ? " (" + count_text(*run.model->steps, "step") + ")" : "") +
                            "; the same command would go on from there, and diverge again."
                      : " It left no checkpoint, so there is no model to show."));
  if (const std::string command = gentler_command(run); !command.empty()) {
    html += "<p>A new run with a smaller step length:</p>\n<pre><code>" + escape(command) + "</code></pre>\n";
  }
  return html +
         "<p>Where the learning rate is small already, a lower momentum or a smaller <code>weight-init</code> may "
         "help.</p>\n";
}

/// When a run that has no checkpoint gets one.
std::string first_checkpoint(const RunSummary& run) {
  std::string when;
  for (const auto& [key, unit] : {std::pair("checkpoint-seconds", "second"), std::pair("checkpoint-steps", "step"),
                                  std::pair("checkpoint-epochs", "epoch")}) {
    const std::optional<double> number = parse_number(run.value(key));
    if (number && *number >= 1) when += count_text(static_cast<std::uint64_t>(*number), unit) + ", ";
  }
  return note(
      "There is no checkpoint yet, and what shows the parameters is missing: filters, distributions, reconstructions "
      "and "
      "samples. The first one comes " +
      (when.empty() ? "" : "after " + when + "or ") + "at the end of the training; make the page again then.");
}

std::string state_notes(const RunSummary& run) {
  std::string html;
  if (run.state == RunState::diverged) {
    html += divergence(run);
  } else if (run.state == RunState::unfinished) {
    html += note("The run is not finished: this is how far it is. Make the page again for what comes.");
    if (!run.model && run.model_problem.empty()) html += first_checkpoint(run);
  }
  if (!run.model_problem.empty()) html += note(escape("A model could not be used: " + run.model_problem));
  return html;
}

}  // namespace

std::string lead_of(const RunSummary& run) {
  std::string text = "<p class=\"lead\">A restricted Boltzmann machine";
  if (run.model) {
    text += fmt::format(" of {} visible and {} hidden units", whole_text(run.model->rbm.shape().visible),
                        whole_text(run.model->rbm.shape().hidden));
  }
  const std::string data = std::filesystem::path(run.value("data")).filename().string();
  if (!data.empty()) text += fmt::format(", trained on <code>{}</code>", escape(data));
  if (const auto rows = last_figure(run.epochs, "samples")) {
    text += fmt::format(" ({})", count_text(static_cast<std::uint64_t>(rows->value), "row"));
  }
  text += fmt::format(". As of {}.</p>\n", escape(run.made));
  return text + state_notes(run);
}

Section overview_section(const RunSummary& run, const HiddenUse* use) {
  return {.id = "overview",
          .title = "Overview",
          .html = "<dl class=\"figures\">\n" + epochs_figure(run) + error_figure(run) + gap_figure(run) +
                  likelihood_figure(run) + units_figure(run, use) + time_figure(run) + "</dl>\n" + facts(run)};
}

}  // namespace rbmpi
