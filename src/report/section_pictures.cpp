#include <algorithm>

#include <fmt/format.h>

#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/tiles.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t pictures_in_a_line = 10;
constexpr std::size_t most_strip_columns = 256;

/// Pictures in lines of ten: a line of rows, and below it one of what the model makes of them.
std::string lines_of_pairs(ConstMatrixView rows, ConstMatrixView reconstructions,
                           const std::vector<std::uint64_t>& picture) {
  std::string html;
  for (std::size_t begin = 0; begin < rows.rows; begin += pictures_in_a_line) {
    const std::size_t count = std::min(pictures_in_a_line, rows.rows - begin);
    const auto line = [&](const char* name, ConstMatrixView from, const char* alt) {
      return fmt::format("<span>{}</span>{}", name,
                         tile_image({from.row(begin), count, from.columns}, picture, pictures_in_a_line,
                                    Shading::probabilities, fmt::format("{} {} to {}", alt, begin + 1, begin + count)));
    };
    html += "<div class=\"rows\">" + line("data", rows, "Pictures of the data,") +
            line("reconstruction", reconstructions, "What the model makes of pictures") + "</div>\n";
  }
  return html;
}

std::string strips(const char* title, ConstMatrixView rows, const std::string& alt) {
  const std::size_t columns = std::min(most_strip_columns, rows.columns);
  const AlignedBuffer<Real> shown = first_columns(rows, columns);
  return fmt::format("<figure><figcaption><h3>{}</h3></figcaption>\n{}</figure>\n", title,
                     strip_image({shown.data(), rows.rows, columns}, Shading::probabilities, alt));
}

std::string on_columns(std::size_t columns) {
  if (columns <= most_strip_columns) return "A line is a row, a column is a unit: black is 0, white is 1.";
  return fmt::format(
      "A line is a row, a column is a unit, of which the first {} of {} are shown: black is 0, white is 1.",
      most_strip_columns, whole_text(columns));
}

}  // namespace

Section reconstructions_section(ConstMatrixView rows, ConstMatrixView reconstructions, std::uint64_t all_rows,
                                const std::vector<std::uint64_t>& picture, const std::string& how) {
  std::string html =
      fmt::format("<p>{}{} and what the model makes of {}: {}.{}</p>\n", part_text(rows.rows, all_rows, "row"),
                  rows.rows < all_rows ? ", spread over the data," : " of the data", rows.rows == 1 ? "it" : "them",
                  escape(how), picture.empty() ? fmt::format(" {}", on_columns(rows.columns)) : "");
  if (picture.empty()) {
    html += "<div class=\"charts\">" +
            strips("Data", rows, fmt::format("{} of the data", count_text(rows.rows, "row"))) +
            strips("Reconstruction", reconstructions, "What the model makes of the same rows") + "</div>\n";
  } else {
    html += lines_of_pairs(rows, reconstructions, picture);
  }
  return {.id = "reconstructions", .title = "Data and reconstructions", .html = html};
}

Section samples_section(ConstMatrixView samples, const std::vector<std::uint64_t>& picture, const std::string& how) {
  Section section{.id = "samples", .title = "Samples", .html = {}};
  if (samples.rows == 0) return section;
  section.html =
      fmt::format("<p>{}{}</p>\n", escape(how), picture.empty() ? fmt::format(" {}", on_columns(samples.columns)) : "");
  const std::string alt = count_text(samples.rows, "sample") + " of the model";
  section.html += picture.empty() ? strips("Probabilities", samples, alt)
                                  : "<figure>" +
                                        tile_image(samples, picture, tile_columns(picture, samples.rows),
                                                   Shading::probabilities, alt) +
                                        "</figure>\n";
  return section;
}

}  // namespace rbmpi
