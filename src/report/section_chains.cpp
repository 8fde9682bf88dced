#include <algorithm>
#include <cmath>
#include <iterator>

#include <fmt/format.h>

#include "rbmpi/core/parse.hpp"
#include "rbmpi/report/chart.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/figures.hpp"
#include "report/run_notes.hpp"
#include "report/tiles.hpp"

namespace rbmpi {
namespace {

/// A key of the configuration that is a whole number.
double number_in(const RunLayer& layer, const char* key, double otherwise) {
  return parse_number(layer.run->value(key, layer.number)).value_or(otherwise);
}

/// That each chain had in the last epoch, which may have ended in the middle.
double sweeps_of_last_epoch(const RunLayer& layer) {
  const auto samples = layer.epochs.back().find("samples");
  if (samples == layer.epochs.back().end()) return 1;
  return std::ceil(samples->second / number_in(layer, "batch-size", 100)) * number_in(layer, "sweeps", 1);
}

bool has_chains(const RunLayer& layer) {
  return layer.chains != nullptr || last_figure(layer.epochs, "chains_free_energy");
}

std::string last_text_of(const RunLayer& layer, const char* key) {
  const auto last = last_figure(layer.epochs, key);
  return last ? number_text(last->value, 3) : "not known";
}

/// What is wrong with the chains, and what helps.
std::string text_of(ChainTrouble trouble, const RunLayer& layer, const ChainFindings* found) {
  switch (trouble) {
    case ChainTrouble::collapsed:
      return fmt::format(
          "<strong>The chains are collapsed</strong>: of {} {} are distinct{}; two chains differ in {} units on "
          "average, two rows in {}. Means over them are means over a few states of the model, and the gradient is "
          "wrong. A smaller learning rate, more chains or more <code>sweeps</code> help, in a new run.",
          count_text(found->chains, "chain"), whole_text(found->distinct),
          found->data->distinct > 0 ? ", of as many rows of the data " + whole_text(found->data->distinct) : "",
          number_text(found->distance, 3), number_text(found->data->distance, 3));
    case ChainTrouble::stopped:
      return fmt::format(
          "<strong>The chains have stopped</strong>: their autocorrelation over the {} of the last epoch is {}. They "
          "are where they were, and do not follow the model any more. A smaller learning rate or a larger "
          "<code>weight-cost</code> keeps chains moving; more <code>sweeps</code> help where they move, but slowly.",
          count_text(static_cast<std::uint64_t>(sweeps_of_last_epoch(layer)), "sweep"),
          last_text_of(layer, "chains_autocorrelation"));
    case ChainTrouble::elsewhere:
      return fmt::format(
          "<strong>The chains are elsewhere than the data</strong>: their means of pairs of units have a correlation "
          "of {} with those of the data; those of as many independent rows would have {}. Early in a training that is "
          "as it must be. Later the chains have left out states that the data have, or are in states that the data do "
          "not have.",
          last_text_of(layer, "chains_pairs_r"), number_text(found->data->expected_pairs_r, 3));
  }
  return {};
}

std::string notes_of(const RunLayer& layer, const ChainFindings* found, const std::string& where = {}) {
  std::string html;
  if (layer.epochs.empty()) return html;
  for (const ChainTrouble trouble : troubles_of(found, layer.epochs.back(), sweeps_of_last_epoch(layer))) {
    html += note(where + text_of(trouble, layer, found));
  }
  return html;
}

/// Where chains and data stand, or why that is not known.
std::string comparison_text(const RunLayer& layer, const ChainFindings* found) {
  if (found == nullptr) return "<p>There is no model that has the chains yet, so only their figures are shown.</p>\n";
  std::string text = fmt::format(
      "<p>{} as {} has them, {} distinct; two of them differ in {} units on "
      "average.",
      part_text(found->chains, found->all_chains, "chain"), element("code", layer.run->model->file),
      whole_text(found->distinct), number_text(found->distance, 3));
  if (found->data) {
    text += fmt::format(" Beside them {} of the data, of which two differ in {}.",
                        part_text(found->data->rows, found->data->rows_in_use, "row"),
                        number_text(found->data->distance, 3));
  }
  return text + "</p>\n";
}

std::string agreement(const char* title, const char* moment, const char* what,
                      const std::vector<ChainFindings::Moment>& moments) {
  AgreementChart chart{
      .title = title,
      .note = fmt::format("{}: a dot is a {}; on the dashed line chains and data agree.", moment, what),
      .x_name = "mean over the data",
      .y_name = "mean over the chains",
      .what = what,
      .points = {}};
  chart.points.reserve(moments.size());
  std::ranges::transform(moments, std::back_inserter(chart.points), [](const ChainFindings::Moment& mean) {
    return AgreementChart::Point{.x = mean.data, .y = mean.chains};
  });
  return agreement_chart(chart);
}

std::string scatter_charts(const ChainFindings* found) {
  if (found == nullptr || !found->data) return {};
  return agreement("Means of the units", "<v_i>", "unit", found->data->means) +
         agreement("Means of pairs of units", "<v_i v_j>", "pair", found->data->pairs);
}

/// Over the epochs; each with `layer_title` if there are several layers.
std::string curves_of(const RunLayer& layer, const std::string& layer_title = {}) {
  const auto titled = [&](const char* title) {
    return layer_title.empty() ? std::string(title) : layer_title + ": " + title;
  };
  const auto series = [&](const char* name, const char* key) {
    return LineChart::Series{.name = name, .points = points_of(layer.epochs, key)};
  };
  return line_chart({.title = titled("Free energy of data and chains"),
                     .note = "Means over rows and over chains. Where the chains sample the model, and the model fits, "
                             "the two stay close.",
                     .x_name = "epoch",
                     .y_name = "nats",
                     .series = {series("data", "data_free_energy"), series("chains", "chains_free_energy")}}) +
         line_chart({.title = titled("Likeness of the means"),
                     .note = "Correlation of the means over the chains with those over the data, of units and of "
                             "pairs: 1 is the best.",
                     .x_name = "epoch",
                     .y_name = "R",
                     .series = {series("units", "chains_means_r"), series("pairs", "chains_pairs_r")}}) +
         line_chart({.title = titled("Autocorrelation"),
                     .note = "Of the units of the chains with what they were when the epoch began: near 0 the chains "
                             "move, at 1 they stand.",
                     .x_name = "epoch",
                     .y_name = "correlation",
                     .series = {series("chains", "chains_autocorrelation")}});
}

std::string pictures_of(const ChainPictures& pictures) {
  constexpr std::size_t in_a_line = 6;
  const auto grid = [&](const char* title, const std::string& words, ConstMatrixView rows, const std::string& alt) {
    if (rows.rows == 0) return std::string();
    return fmt::format("<figure><figcaption><h3>{}</h3>{}</figcaption>\n{}</figure>\n", title, element("p", words),
                       tile_image(rows, pictures.picture, std::min(in_a_line, rows.rows), Shading::probabilities, alt));
  };
  return grid("Data", "Some rows, spread over the data.", pictures.data,
              fmt::format("{} of the data", count_text(pictures.data.rows, "row"))) +
         grid("Chains", "Their states: zeros and ones.", pictures.chains,
              fmt::format("{}: their visible units", count_text(pictures.chains.rows, "persistent chain")));
}

std::string in_charts(const std::string& html) {
  return html.empty() ? html : "<div class=\"charts\">\n" + html + "</div>\n";
}

}  // namespace

Section chains_section(const RunLayer& layer, const ChainFindings* found, const ChainPictures* pictures) {
  Section section{.id = "chains", .title = "Chains", .html = {}};
  if (!has_chains(layer)) return section;
  section.html = notes_of(layer, found) + comparison_text(layer, found);
  if (pictures != nullptr) section.html += in_charts(pictures_of(*pictures));
  section.html += in_charts(scatter_charts(found) + curves_of(layer));
  return section;
}

Section stack_chains_section(std::span<const RunLayer> layers, const std::map<std::size_t, ChainFindings>& found) {
  Section section{.id = "chains", .title = "Chains", .html = {}};
  std::string charts;
  for (const RunLayer& layer : layers) {
    if (!has_chains(layer)) continue;
    const auto of_layer = found.find(layer.number);
    const std::string title = fmt::format("Layer {}", layer.number + 1);
    section.html += notes_of(layer, of_layer == found.end() ? nullptr : &of_layer->second, title + ": ");
    charts += curves_of(layer, title);
    if (layer.chains == nullptr) continue;
    section.html += fmt::format(
        "<p><code>rbmpi report RUN --layer {}</code> shows the chains of layer {} beside what it learns from.</p>\n",
        layer.number + 1, layer.number + 1);
  }
  section.html += in_charts(charts);
  return section;
}

}  // namespace rbmpi
