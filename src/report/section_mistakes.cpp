#include <algorithm>

#include <fmt/format.h>

#include "rbmpi/report/html.hpp"
#include "rbmpi/report/picture.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/tiles.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t most_mistakes = 60;

using Mistake = Classification::Mistake;

std::string pictures(std::span<const Mistake> mistakes, const ConfusionMatrix& classes, const DataRows& rows) {
  std::string html = "<ul class=\"mistakes\">\n";
  for (const Mistake& mistake : mistakes) {
    const std::string number = whole_text(rows.numbers[mistake.row]);
    const std::string label = classes.name_of(mistake.label);
    const std::string predicted = classes.name_of(mistake.predicted);
    const std::string alt = fmt::format("Row {}, of class {}, taken for {} with a probability of {}", number, label,
                                        predicted, percent_text(mistake.probability));
    html += fmt::format(
        "<li>{}<strong>{} \xe2\x86\x92 {}</strong><small>{}<br>row {}</small></li>\n",
        tile_image({rows.view().row(mistake.row), 1, rows.columns}, rows.picture, 1, Shading::probabilities, alt),
        escape(label), escape(predicted), percent_text(mistake.probability), number);
  }
  return html + "</ul>\n";
}

std::string mistake_table(std::span<const Mistake> mistakes, const ConfusionMatrix& classes, const DataRows& rows) {
  HtmlTable content{.caption = "Rows that are taken for another class",
                    .columns = {{"row", true},
                                {"class", true},
                                {"taken for", true},
                                {"with probability", true},
                                {"probability of its class", true}},
                    .rows = {}};
  for (const Mistake& mistake : mistakes) {
    content.rows.push_back({whole_text(rows.numbers[mistake.row]), escape(classes.name_of(mistake.label)),
                            escape(classes.name_of(mistake.predicted)), percent_text(mistake.probability),
                            percent_text(mistake.of_label)});
  }
  return table(content);
}

}  // namespace

Section mistakes_section(const NetFindings& found, const DataRows& rows) {
  Section section{.id = "mistakes", .title = "Mistakes", .html = {}};
  if (!found.classification) return section;
  const std::vector<Mistake>& all = found.classification->mistakes;
  if (all.empty()) {
    section.html = fmt::format("<p>All of {} are taken for the class that they have.</p>\n",
                               escape(part_text(found.rows, found.rows_in_use, found.name)));
    return section;
  }
  const std::size_t room = rows.picture.empty() ? most_mistakes : std::min(most_mistakes, most_tiles(rows.picture));
  const std::span<const Mistake> shown = std::span(all).first(std::min(room, all.size()));
  section.html = fmt::format(
      "<p>{}, the most confident first: the class of the row, that which the net takes it for, and how probable the "
      "net finds that. Rows are counted from 0, as they stand in the file.</p>\n",
      part_text(shown.size(), all.size(), "mistake"));
  section.html += rows.picture.empty() ? mistake_table(shown, found.classification->confusion, rows)
                                       : pictures(shown, found.classification->confusion, rows);
  return section;
}

}  // namespace rbmpi
