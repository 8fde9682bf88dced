#include "rbmpi/report/chart.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/epoch_table.hpp"
#include "report/figures.hpp"

namespace rbmpi {
namespace {

std::string charts_of(const std::vector<EpochFigures>& epochs) {
  const auto series = [&](const char* name, const char* key, const char* error_key = "") {
    return LineChart::Series{.name = name, .points = points_of(epochs, key, error_key)};
  };
  std::string html;
  html += line_chart(
      {.title = "Reconstruction error",
       .note = "How far a row is from what the model makes of it. It falls as the model learns, but says "
               "little about likelihood.",
       .x_name = "epoch",
       .y_name = "mean square a unit",
       .series = {series("training", "reconstruction_mse"), series("validation", "validation_reconstruction_mse")}});
  html +=
      line_chart({.title = "Log-likelihood",
                  .note = "How probable a row is under the model, mean over rows. Bars: the standard error of log Z.",
                  .x_name = "epoch",
                  .y_name = "nats a row",
                  .series = {series("training", "training_log_likelihood", "log_z_standard_error"),
                             series("validation", "validation_log_likelihood", "log_z_standard_error")}});
  html += line_chart(
      {.title = "Pseudo-likelihood",
       .note = "How well each unit is told by all others, summed over the units.",
       .x_name = "epoch",
       .y_name = "nats a row",
       .series = {series("training", "pseudo_likelihood"), series("validation", "validation_pseudo_likelihood")}});
  html += line_chart(
      {.title = "Free energy",
       .note = "Mean over as many training rows as validation rows. Only the distance of the two lines "
               "means something.",
       .x_name = "epoch",
       .y_name = "nats",
       .series = {series("training", "training_free_energy"), series("validation", "validation_free_energy")}});
  html += line_chart({.title = "Free-energy gap",
                      .note = "Validation less training. It grows when the model learns its training rows by heart.",
                      .x_name = "epoch",
                      .y_name = "nats",
                      .series = {{.name = "gap", .points = free_energy_gaps(epochs)}}});
  return html;
}

}  // namespace

Section curves_section(const RunLayer& layer) {
  if (layer.epochs.empty()) return {.id = "curves", .title = "Learning curves", .html = {}};
  return {.id = "curves",
          .title = "Learning curves",
          .html = "<div class=\"charts\">\n" + charts_of(layer.epochs) + "</div>\n" +
                  details("All figures as a table", table_of(layer.epochs))};
}

}  // namespace rbmpi
