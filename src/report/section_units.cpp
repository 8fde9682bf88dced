#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include <fmt/format.h>

#include "rbmpi/report/html.hpp"
#include "rbmpi/report/picture.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/tiles.hpp"

namespace rbmpi {
namespace {

/// The units in the order of their use; without it, those with the longest weight vectors first.
std::vector<std::size_t> order_of(const UnitWeights& layer, const HiddenUse* use) {
  if (use != nullptr) return use->by_use;
  std::vector<double> squares(layer.units.count);
  for (std::size_t i = 0; i < layer.weights.rows; ++i) {
    for (std::size_t j = 0; j < squares.size(); ++j) {
      squares[j] += static_cast<double>(layer.weights.row(i)[j]) * static_cast<double>(layer.weights.row(i)[j]);
    }
  }
  std::vector<std::size_t> order(squares.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t unit) { return squares[unit]; });
  return order;
}

const char* order_name(const HiddenUse* use) {
  return use != nullptr ? "the most used first" : "those with the largest weights first";
}

/// The weights of some hidden units, each as a row: n x V.
AlignedBuffer<Real> weights_of(const UnitWeights& layer, std::span<const std::size_t> units) {
  const std::size_t visible = layer.weights.rows;
  AlignedBuffer<Real> rows(units.size() * visible);
  for (std::size_t i = 0; i < visible; ++i) {
    for (std::size_t k = 0; k < units.size(); ++k) rows.data()[k * visible + i] = layer.weights.row(i)[units[k]];
  }
  return rows;
}

std::string activity_text(const HiddenUse* use, std::size_t unit) {
  return use == nullptr ? "" : percent_text(use->activity[unit]);
}

std::string filters(const UnitWeights& layer, const HiddenUse* use, std::span<const std::size_t> units,
                    const std::vector<std::uint64_t>& picture, const std::string& title) {
  const AlignedBuffer<Real> rows = weights_of(layer, units);
  const std::string alt = fmt::format(
      "Weights of {}, each as a picture of {} x {}{}", count_text(units.size(), "hidden unit"), picture[0], picture[1],
      use == nullptr ? ""
                     : fmt::format("; the first is unit {}, active {} of the time, the last unit {}, {}", units.front(),
                                   activity_text(use, units.front()), units.back(), activity_text(use, units.back())));
  std::string numbers;
  for (const std::size_t unit : units) numbers += fmt::format("{}{}", numbers.empty() ? "" : " ", unit);
  return fmt::format("<figure><figcaption><h3>{}</h3></figcaption>\n{}{}</figure>\n", escape(title),
                     tile_image({rows.data(), units.size(), layer.weights.rows}, picture,
                                tile_columns(picture, units.size()), Shading::weights_each_alone, alt),
                     details("Their numbers, in the same order", "<p class=\"mono\">" + numbers + "</p>\n"));
}

std::string filter_section(const UnitWeights& layer, const HiddenUse* use, const std::vector<std::size_t>& order,
                           const std::vector<std::uint64_t>& picture) {
  std::string html = fmt::format(
      "<p>What each hidden unit looks for: its weights, {}, each scaled to its own largest. Grey is zero, white "
      "speaks for the unit, black against it.</p>\n",
      order_name(use));
  const std::size_t most = most_tiles(picture);
  const std::span<const std::size_t> units(order);
  if (units.size() <= most) return html + filters(layer, use, units, picture, "All hidden units");
  // Whole lines of tiles.
  const std::size_t columns = tile_columns(picture, most);
  const std::size_t last = std::max<std::size_t>(1, most / 4 / columns) * columns;
  const std::size_t first = std::max<std::size_t>(1, (most - last) / columns) * columns;
  const char* const which = use != nullptr ? "used" : "weighty";
  html += filters(layer, use, units.first(first), picture,
                  fmt::format("The {} most {} of {}", first, which, whole_text(units.size())));
  return html + filters(layer, use, units.last(last), picture, fmt::format("The {} least {}", last, which));
}

/// "v17 +2.31, v4 −1.9": the visible units with the largest weights.
std::string strongest(const UnitWeights& layer, std::size_t unit) {
  constexpr std::size_t most = 5;
  std::vector<std::size_t> visible(layer.weights.rows);
  std::iota(visible.begin(), visible.end(), std::size_t{0});
  const std::size_t count = std::min(most, visible.size());
  std::ranges::partial_sort(visible, visible.begin() + static_cast<std::ptrdiff_t>(count), std::greater(),
                            [&](std::size_t i) { return std::abs(layer.weights.row(i)[unit]); });
  std::string text;
  for (std::size_t k = 0; k < count; ++k) {
    const auto weight = static_cast<double>(layer.weights.row(visible[k])[unit]);
    text += fmt::format("{}v{}&nbsp;{}{}", text.empty() ? "" : ", ", visible[k], weight > 0 ? "+" : "",
                        number_text(weight, 3));
  }
  return text;
}

std::string unit_table(const UnitWeights& layer, const HiddenUse* use, std::span<const std::size_t> units,
                       const std::string& caption) {
  HtmlTable content{.caption = caption,
                    .columns = {{"unit", true}, {"active", true}, {"bias", true}, {"largest weights, by visible unit"}},
                    .rows = {}};
  for (const std::size_t unit : units) {
    content.rows.push_back({fmt::format("{}", unit), activity_text(use, unit),
                            number_text(static_cast<double>(layer.bias()[unit]), 3), strongest(layer, unit)});
  }
  if (use == nullptr) {  // nobody knows how active they are
    content.columns.erase(content.columns.begin() + 1);
    for (auto& row : content.rows) row.erase(row.begin() + 1);
  }
  return table(content);
}

std::string heat_map(const UnitWeights& layer, const HiddenUse* use, const std::vector<std::size_t>& order) {
  constexpr std::size_t most_hidden = 64;
  constexpr std::size_t most_visible = 256;
  const std::span<const std::size_t> units = std::span(order).first(std::min(most_hidden, order.size()));
  const std::size_t visible = layer.weights.rows;
  const std::size_t columns = std::min(most_visible, visible);
  const AlignedBuffer<Real> rows = weights_of(layer, units);
  const AlignedBuffer<Real> shown = first_columns({rows.data(), units.size(), visible}, columns);
  Real largest = 0;
  for (const Real weight : shown.span()) largest = std::max(largest, std::abs(weight));
  const std::string limit = number_text(static_cast<double>(largest), 3);
  std::string which;
  if (units.size() < order.size()) {
    which += fmt::format(" Shown are the first {} of {} hidden units.", units.size(), whole_text(order.size()));
  }
  if (columns < visible) {
    which += fmt::format(" Shown are the first {} of {} visible units.", columns, whole_text(visible));
  }
  return fmt::format(
      "<figure><figcaption><h3>Weights</h3><p>A line is a hidden unit, {}; a column is a visible unit, in the order of "
      "the data.{} Black is −{}, grey 0, white +{}.</p></figcaption>\n{}</figure>\n",
      order_name(use), which, limit, limit,
      strip_image(
          {shown.data(), units.size(), columns}, Shading::weights_together,
          fmt::format("Heat map of the weights of {} to {}, from −{} to +{}", count_text(units.size(), "hidden unit"),
                      count_text(columns, "visible unit"), limit, limit)));
}

}  // namespace

Section units_section(const UnitWeights& layer, const HiddenUse* use, const std::vector<std::uint64_t>& picture,
                      const std::string& title) {
  const std::vector<std::size_t> order = order_of(layer, use);
  constexpr std::size_t most_rows = 15;
  const std::string listed = unit_table(layer, use, std::span(order).first(std::min(most_rows, order.size())),
                                        fmt::format("Hidden units, {}", order_name(use)));
  Section section{.id = "units", .title = title, .html = {}};
  section.html = picture.empty()
                     ? heat_map(layer, use, order) + listed
                     : filter_section(layer, use, order, picture) + details("Biases and largest weights", listed);
  return section;
}

}  // namespace rbmpi
