#include <fmt/format.h>

#include "rbmpi/report/chart.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/epoch_table.hpp"
#include "report/figures.hpp"

namespace rbmpi {
namespace {

std::string best_note(const RunSummary& run) {
  const EpochFigures* const best = best_epoch(run);
  return best == nullptr ? "" : fmt::format(" The best epoch is {}.", number_text(best->at("epoch"), 9));
}

std::string classifier_charts(const RunSummary& run) {
  LineChart::Series error{.name = "validation", .points = points_of(run.epochs, "validation_error")};
  for (LineChart::Point& point : error.points) point.y *= 100;
  return line_chart({.title = "Validation error",
                     .note = "Rows whose likeliest class is another than theirs." + best_note(run),
                     .x_name = "epoch",
                     .y_name = "% of the validation rows",
                     .series = {error}}) +
         line_chart({.title = "Cross-entropy",
                     .note = "Of the label; of the training as seen during the epoch, with dropout if there is any.",
                     .x_name = "epoch",
                     .y_name = "nats a row",
                     .series = {{.name = "training", .points = points_of(run.epochs, "cross_entropy")},
                                {.name = "validation", .points = points_of(run.epochs, "validation_cross_entropy")}}});
}

std::string autoencoder_charts(const RunSummary& run) {
  return line_chart(
             {.title = "Squared error",
              .note = "Between a row to validate on and its reconstruction, summed over the units, mean of a row." +
                      best_note(run),
              .x_name = "epoch",
              .y_name = "sum over the units",
              .series = {{.name = "validation", .points = points_of(run.epochs, "validation_squared_error")}}}) +
         line_chart({.title = "Cross-entropy",
                     .note = "Of a row, summed over its units: what the training makes small. It does not come to 0 "
                             "where data are grey.",
                     .x_name = "epoch",
                     .y_name = "nats a row",
                     .series = {{.name = "training", .points = points_of(run.epochs, "cross_entropy")},
                                {.name = "validation", .points = points_of(run.epochs, "validation_cross_entropy")}}});
}

}  // namespace

Section net_curves_section(const RunSummary& run) {
  Section section{.id = "curves", .title = "Learning curves", .html = {}};
  if (run.epochs.empty()) return section;
  section.html = "<div class=\"charts\">\n" +
                 (run.kind == RunKind::classifier ? classifier_charts(run) : autoencoder_charts(run)) + "</div>\n" +
                 details("All figures as a table", table_of(run.epochs));
  return section;
}

}  // namespace rbmpi
