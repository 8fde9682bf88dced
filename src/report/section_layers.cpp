#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/report/chart.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/epoch_table.hpp"
#include "report/figures.hpp"
#include "report/overview.hpp"
#include "report/run_notes.hpp"

namespace rbmpi {
namespace {

/// "784-500-500-2000", as far as the visible units are known.
std::string shape_of(const RunSummary& run) {
  std::string text;
  if (run.model && !run.model->model.layers.empty()) {
    text = fmt::format("{}", run.model->model.layers.front().shape().visible);
  }
  std::istringstream units(run.value("layers"));
  for (std::string number; std::getline(units, number, ',');) text += (text.empty() ? "" : "-") + number;
  return text;
}

std::size_t finished_layers(std::span<const RunLayer> layers) {
  return static_cast<std::size_t>(std::ranges::count_if(layers, [](const RunLayer& layer) {
    return layer.state == RunState::finished || layer.state == RunState::stopped_early;
  }));
}

std::string units_of(const RunLayer& layer) {
  if (layer.rbm == nullptr) return {};
  const RbmShape shape = layer.rbm->shape();
  const std::size_t labels = layer.classes.size();
  return fmt::format("{}{} x {}", whole_text(shape.visible - labels), labels > 0 ? fmt::format(" + {}", labels) : "",
                     whole_text(shape.hidden));
}

std::string last_text(const RunLayer& layer, const char* key) {
  const auto last = last_figure(layer.epochs, key);
  return last ? figure_text(last->value) : "";
}

std::string layer_table(const RunSummary& run, std::span<const RunLayer> layers, std::span<const HiddenUse> uses) {
  HtmlTable content{.caption = "Layers, the lowest first",
                    .columns = {{"layer", true},
                                {"units", true},
                                {length_of(run, 0, {}).unit, true},
                                {"reconstruction error", true},
                                {"validation", true},
                                {"free-energy gap", true},
                                {"dead units", true},
                                {"time", true},
                                {"state"}},
                    .rows = {}};
  for (const RunLayer& layer : layers) {
    const std::vector<LineChart::Point> gaps = free_energy_gaps(layer.epochs);
    const TrainingLength length = length_of(run, layer.number, layer.epochs);
    content.rows.push_back(
        {fmt::format("{}", layer.number + 1), units_of(layer),
         length.done + (length.wanted.empty() ? "" : " of " + escape(length.wanted)),
         last_text(layer, "reconstruction_mse"), last_text(layer, "validation_reconstruction_mse"),
         gaps.empty() ? "" : number_text(gaps.back().y, 3),
         layer.number < uses.size() ? fmt::format("{}", std::ranges::count_if(uses[layer.number].activity, is_dead))
                                    : "",
         seconds_of(layer.epochs) > 0 ? seconds_text(seconds_of(layer.epochs)) : "", state_name(layer.state)});
  }
  for (std::size_t number = layers.size(); number < run.layers(); ++number) {
    content.rows.push_back({fmt::format("{}", number + 1), "", "0 of " + escape(length_of(run, number, {}).wanted), "",
                            "", "", "", "", "not begun"});
  }
  // Without validation, or without data, there are columns that say nothing.
  for (std::size_t column = content.columns.size(); column-- > 0;) {
    const bool empty = std::ranges::all_of(content.rows, [&](const auto& row) { return row[column].empty(); });
    if (!empty) continue;
    content.columns.erase(content.columns.begin() + static_cast<std::ptrdiff_t>(column));
    for (auto& row : content.rows) row.erase(row.begin() + static_cast<std::ptrdiff_t>(column));
  }
  return table(content);
}

std::string facts(const RunSummary& run) {
  constexpr std::array<std::pair<const char*, const char*>, 9> named = {{{"estimator", "Gradient"},
                                                                         {"optimizer", "Optimizer"},
                                                                         {"batch-size", "Batch size"},
                                                                         {"learning-rate", "Learning rate"},
                                                                         {"momentum", "Momentum"},
                                                                         {"weight-cost", "Weight cost"},
                                                                         {"join-labels", "Labels joined"},
                                                                         {"arithmetic", "Arithmetic"},
                                                                         {"seed", "Seed"}}};
  Facts facts;
  facts.emplace_back("Parameters from", parameters_from(run));
  facts.emplace_back("Data", value_html(run.value("data")));
  facts.emplace_back("Rows used", value_html(run.value("rows")));
  facts.emplace_back("Validation", validation_html(run));
  for (const auto& [key, name] : named) facts.emplace_back(name, escape(run.value(key)));
  add_rare_keys(run, std::nullopt, facts);
  add_jobs(run, facts);
  return facts_list(facts);
}

std::string title_of(const RunLayer& layer) {
  const std::string units = units_of(layer);
  return fmt::format("Layer {}{}", layer.number + 1, units.empty() ? "" : ": " + units);
}

}  // namespace

std::string stack_lead_of(const RunSummary& run) {
  const std::string text =
      fmt::format("<p class=\"lead\">A stack of {} restricted Boltzmann machines, {}{}. As of {}.</p>\n", run.layers(),
                  escape(shape_of(run)), trained_on(run), escape(run.made));
  return text + state_notes(run);
}

Section stack_overview_section(const RunSummary& run, std::span<const RunLayer> layers,
                               std::span<const HiddenUse> uses) {
  std::uint64_t epochs = 0;
  std::uint64_t parameters = 0;
  for (const RunLayer& layer : layers) {
    epochs += layer.epochs.size();
    if (layer.rbm != nullptr) parameters += layer.rbm->shape().parameters();
  }
  std::string html = "<dl class=\"figures\">\n";
  html += large_figure("Layers", fmt::format("{} of {}", finished_layers(layers), run.layers()),
                       run.finished() ? "finished" : fmt::format("finished; the run is {}", state_name(run.state)));
  html += large_figure("Epochs", whole_text(epochs), "of all layers together");
  if (parameters > 0) html += large_figure("Parameters", whole_text(parameters), "weights and biases");
  html += time_figure(run.epochs);
  return {
      .id = "overview",
      .title = "Overview",
      .html = html + "</dl>\n" + layer_table(run, layers, uses) + facts(run) +
              "<p><code>rbmpi report RUN --layer K</code> shows one of the layers by itself: more curves, its units, "
              "reconstructions and samples.</p>\n"};
}

Section stack_curves_section(std::span<const RunLayer> layers) {
  std::string charts;
  std::string tables;
  for (const RunLayer& layer : layers) {
    charts += line_chart(
        {.title = title_of(layer),
         .note = "Reconstruction error.",
         .x_name = "epoch",
         .y_name = "mean square a unit",
         .series = {{.name = "training", .points = points_of(layer.epochs, "reconstruction_mse")},
                    {.name = "validation", .points = points_of(layer.epochs, "validation_reconstruction_mse")}}});
    charts += line_chart({.title = title_of(layer),
                          .note = "Free-energy gap: validation less training.",
                          .x_name = "epoch",
                          .y_name = "nats",
                          .series = {{.name = "gap", .points = free_energy_gaps(layer.epochs)}}});
    if (!layer.epochs.empty()) tables += table_of(layer.epochs, fmt::format(" of layer {}", layer.number + 1));
  }
  Section section{.id = "curves", .title = "Learning curves", .html = {}};
  if (!charts.empty()) section.html = "<div class=\"charts\">\n" + charts + "</div>\n";
  if (!tables.empty()) section.html += details("All figures as tables", tables);
  return section;
}

Section stack_distributions_section(std::span<const RunLayer> layers, std::span<const HiddenUse> uses) {
  std::string charts;
  for (const RunLayer& layer : layers) {
    if (layer.rbm == nullptr) continue;
    const ConstMatrixView weights = layer.rbm->view().weights;
    if (layer.number < uses.size()) {
      const HiddenUse& use = uses[layer.number];
      const std::vector<Real> activity(use.activity.begin(), use.activity.end());
      charts += histogram_chart({.title = title_of(layer),
                                 .note = fmt::format("Activity of its hidden units: {} dead, {} saturated.",
                                                     std::ranges::count_if(use.activity, is_dead),
                                                     std::ranges::count_if(use.activity, is_saturated)),
                                 .x_name = "mean activity",
                                 .what = "unit",
                                 .histogram = histogram(activity, 0, 1, 50)});
    }
    charts += histogram_chart({.title = title_of(layer),
                               .note = "Its weights.",
                               .x_name = "value",
                               .what = "weight",
                               .histogram = histogram({weights.values, weights.size()}, 80)});
  }
  return {.id = "distributions",
          .title = "Distributions",
          .html = charts.empty() ? std::string() : "<div class=\"charts\">\n" + charts + "</div>\n"};
}

}  // namespace rbmpi
