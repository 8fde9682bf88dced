#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/report/chart.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t most_marks = 400;

/// Rows on the plane, some of them.
ScatterChart scatter_of(const std::vector<std::array<double, 2>>& points, const DataRows& rows) {
  const std::set<std::int32_t> classes(rows.labels.begin(), rows.labels.end());
  ScatterChart chart{.title = {}, .note = {}, .x_name = {}, .y_name = {}, .what = "row", .points = {}};
  const std::size_t count = std::min(most_marks, points.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t row = i * points.size() / count;
    ScatterChart::Point point{.x = points[row][0], .y = points[row][1], .mark = {}, .class_number = 0};
    if (!rows.labels.empty()) {
      point.mark = fmt::format("{}", rows.labels[row]);
      point.class_number = static_cast<std::size_t>(std::distance(classes.begin(), classes.find(rows.labels[row])));
    }
    chart.points.push_back(std::move(point));
  }
  chart.note = part_text(count, points.size(), "row") +
               (rows.labels.empty() ? ", a dot each." : ", each with its label as its mark.");
  return chart;
}

std::string plane_chart(ConstMatrixView codes, const DataRows& rows) {
  if (codes.columns < 2) return {};
  PlanePoints plane;
  if (codes.columns == 2) {
    for (std::size_t i = 0; i < codes.rows; ++i) {
      plane.points.push_back({double{codes.row(i)[0]}, double{codes.row(i)[1]}});
    }
  } else {
    plane = principal_components(codes);
  }
  ScatterChart chart = scatter_of(plane.points, rows);
  const bool units = codes.columns == 2;
  chart.title = units ? "The two code units" : "The first two principal components of the codes";
  if (!units) chart.note += fmt::format(" These two have {} of the variance.", percent_text(plane.share));
  chart.x_name = units ? "code unit 0" : "first component";
  chart.y_name = units ? "code unit 1" : "second component";
  return scatter_chart(chart);
}

}  // namespace

Section codes_section(ConstMatrixView codes, const DataRows& rows) {
  Section section{.id = "codes", .title = "Codes", .html = {}};
  if (codes.rows == 0) return section;
  section.html = fmt::format(
      "<p>What the {} in the middle {} of {}; <code>rbmpi transform</code> makes a dataset of them.</p>\n",
      count_text(codes.columns, "unit"), codes.columns == 1 ? "makes" : "make", count_text(codes.rows, "row"));
  section.html += "<div class=\"charts\">\n" + plane_chart(codes, rows) +
                  histogram_chart({.title = "Values of the code units",
                                   .note = fmt::format("Of all {} together.", count_text(codes.columns, "code unit")),
                                   .x_name = "value",
                                   .what = "value",
                                   .histogram = histogram({codes.values, codes.size()}, 60)}) +
                  "</div>\n";
  return section;
}

}  // namespace rbmpi
