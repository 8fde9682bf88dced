#include "report/run_notes.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/parse.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "report/figures.hpp"

namespace rbmpi {
namespace {

/// The optimizer of a run; nothing if this build knows none of that name.
const OptimizerEntry* optimizer_of(const RunSummary& run) {
  const std::string used = run.value("optimizer").empty() ? OptimizationOptions().optimizer : run.value("optimizer");
  const auto entry = std::ranges::find(optimizers(), used, &OptimizerEntry::name);
  return entry == optimizers().end() ? nullptr : &*entry;
}

/// The command that starts over with a smaller learning rate; empty if that is a schedule or not known.
std::string gentler_command(const RunSummary& run) {
  const std::optional<double> rate = parse_number(run.value("learning-rate"));
  if (!rate || !(*rate > 0)) return {};
  const OptimizerEntry* const entry = optimizer_of(run);
  if (entry == nullptr) return {};
  return fmt::format("{} --learning-rate {:g}", repeating_command(run),
                     gentler_learning_rate(*entry, *rate, parse_number(run.value("weight-cost")).value_or(0)));
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
  const OptimizerEntry* const entry = optimizer_of(run);
  const bool has_momentum = entry != nullptr && entry->reads_momentum;
  return html + "<p>Where the learning rate is small already, " +
         (has_momentum ? "a lower momentum" : "<code>clip-gradient</code>") +
         (run.is_net() ? "" : " or a smaller <code>weight-init</code>") + " may help.</p>\n";
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
      "There is no checkpoint yet, and what shows the parameters is missing, such as filters and distributions. The "
      "first one comes " +
      (when.empty() ? "" : "after " + when + "or ") + "at the end of the training; make the page again then.");
}

}  // namespace

std::string note(const std::string& html) {
  return "<p class=\"note\">" + html + "</p>\n";
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

}  // namespace rbmpi
