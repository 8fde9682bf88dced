#include <array>
#include <filesystem>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/figures.hpp"
#include "report/overview.hpp"
#include "report/run_notes.hpp"

namespace rbmpi {
namespace {

std::string word_of_best(const RunSummary& run, const EpochFigures& best) {
  const bool kept = run.model && run.model->file == "best.h5";
  return fmt::format("epoch {}{}", number_text(best.at("epoch"), 9), kept ? ", in <code>best.h5</code>" : "");
}

std::string best_figure(const RunSummary& run) {
  const EpochFigures* const best = best_epoch(run);
  if (best == nullptr) return {};
  if (run.kind == RunKind::classifier) {
    return large_figure("Best validation error", fine_percent_text(best->at("validation_error")),
                        word_of_best(run, *best));
  }
  return large_figure("Best squared error", figure_text(best->at("validation_squared_error")),
                      "a validation row, " + word_of_best(run, *best));
}

/// What the net that is shown makes of the rows that are shown.
std::string found_figure(const RunSummary& run, const NetFindings* found) {
  if (found == nullptr) return {};
  const std::string rows = part_text(found->rows, found->rows_in_use, found->name);
  if (found->classification) {
    return large_figure("Mistakes", whole_text(found->classification->confusion.errors()), "in " + escape(rows));
  }
  if (!found->squared_error || best_epoch(run) != nullptr) return {};
  return large_figure("Squared error", figure_text(*found->squared_error), "mean over " + escape(rows));
}

std::string cross_entropy_figure(const RunSummary& run) {
  const auto training = last_figure(run.epochs, "cross_entropy");
  const auto validation = last_figure(run.epochs, "validation_cross_entropy");
  if (!training) return {};
  return large_figure("Cross-entropy", figure_text(training->value),
                      validation ? "in training, validation " + figure_text(validation->value) : "in training, nats");
}

std::string parameters_figure(const RunSummary& run) {
  if (!run.model || !run.model->model.net) return {};
  const NetShape& shape = run.model->model.net->shape();
  return large_figure("Parameters", whole_text(shape.parameters()),
                      fmt::format("in {}", count_text(shape.layers(), "layer")));
}

std::string begin_of(const RunSummary& run) {
  if (run.value("from-scratch") == "on") return "random weights";
  const std::string model = run.value("model");
  return model.empty() ? "" : "<code>" + escape(model) + "</code>";
}

std::string shown_parameters(const RunSummary& run) {
  std::string html = parameters_from(run);
  if (run.model && run.model->file == "best.h5") {
    html += fmt::format(", those of the best epoch, which <code>{}</code> and <code>evaluate</code> take as well",
                        run.kind == RunKind::classifier ? "predict" : "transform");
  }
  return html;
}

std::string net_facts(const RunSummary& run) {
  constexpr std::array<std::pair<const char*, const char*>, 11> named = {{{"optimizer", "Optimizer"},
                                                                          {"batch-size", "Batch size"},
                                                                          {"learning-rate", "Learning rate"},
                                                                          {"momentum", "Momentum"},
                                                                          {"weight-cost", "Weight cost"},
                                                                          {"input-dropout", "Dropout of inputs"},
                                                                          {"hidden-dropout", "Dropout of hidden units"},
                                                                          {"early-stop", "Early stop"},
                                                                          {"patience", "Patience"},
                                                                          {"shuffle", "Rows shuffled"},
                                                                          {"seed", "Seed"}}};
  const bool stops = run.value("early-stop") == "on";
  Facts facts;
  facts.emplace_back("Began with", begin_of(run));
  facts.emplace_back("Parameters from", shown_parameters(run));
  if (run.kind == RunKind::autoencoder) facts.emplace_back("Code units", escape(run.value("code-unit")));
  facts.emplace_back("Data", value_html(run.value("data")));
  facts.emplace_back("Rows used", value_html(run.value("rows")));
  facts.emplace_back("Validation", validation_html(run));
  for (const auto& [key, name] : named) {
    const std::string word = key;
    if (word == "patience" && !stops) continue;
    facts.emplace_back(name, escape(run.value(key)));
  }
  add_rare_keys(run, std::nullopt, facts);
  add_jobs(run, facts);
  return facts_list(facts);
}

}  // namespace

std::string net_lead_of(const RunSummary& run) {
  std::string text =
      fmt::format("<p class=\"lead\">{}", run.kind == RunKind::classifier ? "A classifier" : "An autoencoder");
  if (run.model && run.model->model.net) text += fmt::format(", {}", escape(to_text(run.model->model.net->shape())));
  const std::string model = std::filesystem::path(run.value("model")).filename().string();
  if (run.value("from-scratch") == "on") {
    text += ", from random weights";
  } else if (!model.empty()) {
    text += fmt::format(", pre-trained in <code>{}</code>", escape(model));
  }
  text += trained_on(run);
  if (!run.epochs.empty()) text += fmt::format(", {}", count_text(run.epochs.size(), "epoch"));
  text += fmt::format(". As of {}.</p>\n", escape(run.made));
  return text + state_notes(run);
}

Section net_overview_section(const RunSummary& run, const NetFindings* found) {
  return {.id = "overview",
          .title = "Overview",
          .html = "<dl class=\"figures\">\n" + best_figure(run) + found_figure(run, found) + cross_entropy_figure(run) +
                  length_figure(length_of(run, 0, run.epochs), run.state) + parameters_figure(run) +
                  time_figure(run.epochs) + "</dl>\n" + net_facts(run)};
}

}  // namespace rbmpi
