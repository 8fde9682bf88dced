#include "report/confusion_table.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/report/html.hpp"
#include "report/figures.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t most_columns = 26;
constexpr const char* dash = "\xe2\x80\x93";

std::string share_text(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? std::string(dash) : fine_percent_text(static_cast<double>(part) / static_cast<double>(all));
}

std::uint64_t wrong_of(const ConfusionMatrix& confusion, std::size_t truth) {
  return confusion.rows_of(truth) - confusion.at(truth, truth);
}

/// The style of a cell: darker for a larger share of the rows of its class.
const char* style_of(std::uint64_t count, std::uint64_t rows, bool right) {
  if (right) return "right";
  if (count == 0) return "none";
  const double share = static_cast<double>(count) / static_cast<double>(rows);
  if (share < 0.01) return "w1";
  return share < 0.05 ? "w2" : "w3";
}

std::string row_of(const ConfusionMatrix& confusion, std::size_t truth) {
  const std::uint64_t rows = confusion.rows_of(truth);
  std::string html = fmt::format("<tr><th scope=\"row\">{}</th>", escape(confusion.name(truth)));
  for (std::size_t k = 0; k < confusion.classes.size(); ++k) {
    const std::uint64_t count = confusion.at(truth, k);
    html += fmt::format("<td class=\"{}\">{}</td>", style_of(count, rows, k == truth),
                        count == 0 && k != truth ? "\xc2\xb7" : whole_text(count));
  }
  return html + fmt::format("<td class=\"sum\">{}</td><td>{}</td></tr>\n", whole_text(rows),
                            share_text(wrong_of(confusion, truth), rows));
}

/// One line below the matrix.
template <typename Cell>
std::string foot(const char* name, const ConfusionMatrix& confusion, const Cell& cell, const std::string& all,
                 const std::string& error) {
  std::string html = fmt::format("<tr><th scope=\"row\">{}</th>", name);
  for (std::size_t k = 0; k < confusion.classes.size(); ++k) html += fmt::format("<td>{}</td>", cell(k));
  return html + fmt::format("<td class=\"sum\">{}</td><td>{}</td></tr>\n", all, error);
}

std::string matrix(const ConfusionMatrix& confusion, const std::string& caption) {
  std::string html = fmt::format(
      "<p>A line has the rows of one class, in the columns of the classes that they are taken for.</p>\n"
      "<div class=\"matrix\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table><caption>{0}</caption>\n"
      "<thead><tr><th scope=\"col\">class</th>",
      escape(caption));
  for (std::size_t k = 0; k < confusion.classes.size(); ++k) {
    html += fmt::format("<th scope=\"col\">{}</th>", escape(confusion.name(k)));
  }
  html += "<th scope=\"col\" class=\"sum\">rows</th><th scope=\"col\">error</th></tr></thead>\n<tbody>\n";
  for (std::size_t k = 0; k < confusion.classes.size(); ++k) html += row_of(confusion, k);
  html += "</tbody>\n<tfoot>\n";
  html += foot(
      "predicted", confusion, [&](std::size_t k) { return whole_text(confusion.predicted_as(k)); },
      whole_text(confusion.rows()), share_text(confusion.errors(), confusion.rows()));
  html += foot(
      "precision, %", confusion,
      [&](std::size_t k) {
        const std::uint64_t all = confusion.predicted_as(k);
        const double share = static_cast<double>(confusion.at(k, k)) / static_cast<double>(all);
        return all == 0 ? std::string(dash) : fmt::format("{:.1f}", share * 100);
      },
      "", "");
  return html + "</tfoot></table></div>\n";
}

/// Figures of each class, for where a matrix has no room.
std::string class_table(const ConfusionMatrix& confusion, const std::string& of) {
  constexpr std::size_t most = 60;
  std::vector<std::size_t> order(confusion.classes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t k) { return wrong_of(confusion, k); });
  if (order.size() > most) order.resize(most);
  HtmlTable content{
      .caption = "Classes with the most mistakes first, of " + of,
      .columns =
          {{"class", true}, {"rows", true}, {"wrong", true}, {"error", true}, {"predicted", true}, {"precision", true}},
      .rows = {}};
  for (const std::size_t k : order) {
    content.rows.push_back(
        {escape(confusion.name(k)), whole_text(confusion.rows_of(k)), whole_text(wrong_of(confusion, k)),
         share_text(wrong_of(confusion, k), confusion.rows_of(k)), whole_text(confusion.predicted_as(k)),
         share_text(confusion.at(k, k), confusion.predicted_as(k))});
  }
  return table(content);
}

std::string pair_table(const ConfusionMatrix& confusion) {
  constexpr std::size_t most = 40;
  std::vector<std::tuple<std::uint64_t, std::size_t, std::size_t>> pairs;
  for (std::size_t i = 0; i < confusion.classes.size(); ++i) {
    for (std::size_t k = 0; k < confusion.classes.size(); ++k) {
      if (i != k && confusion.at(i, k) > 0) pairs.emplace_back(confusion.at(i, k), i, k);
    }
  }
  std::ranges::stable_sort(pairs, std::greater(), [](const auto& pair) { return std::get<0>(pair); });
  if (pairs.size() > most) pairs.resize(most);
  HtmlTable content{.caption = "Classes that are taken for each other most often",
                    .columns = {{"class", true}, {"taken for", true}, {"rows", true}},
                    .rows = {}};
  for (const auto& [count, i, k] : pairs) {
    content.rows.push_back({escape(confusion.name(i)), escape(confusion.name(k)), whole_text(count)});
  }
  return pairs.empty() ? std::string() : table(content);
}

}  // namespace

std::string confusion_table(const ConfusionMatrix& confusion, const std::string& of) {
  if (confusion.classes.size() > most_columns) return class_table(confusion, of) + pair_table(confusion);
  return matrix(confusion, of + ", by class");
}

}  // namespace rbmpi
