#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "rbmpi/report/chart.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/picture.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/figures.hpp"
#include "report/tiles.hpp"

namespace rbmpi {
namespace {

/// The units in the order of their use; without it, those with the longest weight vectors first.
std::vector<std::size_t> order_of(RbmView<const Real> rbm, const HiddenUse* use) {
  if (use != nullptr) return use->by_use;
  std::vector<double> squares(rbm.shape().hidden);
  for (std::size_t i = 0; i < rbm.shape().visible; ++i) {
    for (std::size_t j = 0; j < squares.size(); ++j) {
      squares[j] += static_cast<double>(rbm.weights.row(i)[j]) * static_cast<double>(rbm.weights.row(i)[j]);
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
AlignedBuffer<Real> weights_of(RbmView<const Real> rbm, std::span<const std::size_t> units) {
  const std::size_t visible = rbm.shape().visible;
  AlignedBuffer<Real> rows(units.size() * visible);
  for (std::size_t i = 0; i < visible; ++i) {
    for (std::size_t k = 0; k < units.size(); ++k) rows.data()[k * visible + i] = rbm.weights.row(i)[units[k]];
  }
  return rows;
}

std::string activity_text(const HiddenUse* use, std::size_t unit) {
  return use == nullptr ? "" : percent_text(use->activity[unit]);
}

std::string filters(RbmView<const Real> rbm, const HiddenUse* use, std::span<const std::size_t> units,
                    const std::vector<std::uint64_t>& picture, const std::string& title) {
  const AlignedBuffer<Real> rows = weights_of(rbm, units);
  const std::string alt = fmt::format(
      "Weights of {}, each as a picture of {} x {}{}", count_text(units.size(), "hidden unit"), picture[0], picture[1],
      use == nullptr ? ""
                     : fmt::format("; the first is unit {}, active {} of the time, the last unit {}, {}", units.front(),
                                   activity_text(use, units.front()), units.back(), activity_text(use, units.back())));
  std::string numbers;
  for (const std::size_t unit : units) numbers += fmt::format("{}{}", numbers.empty() ? "" : " ", unit);
  return fmt::format("<figure><figcaption><h3>{}</h3></figcaption>\n{}{}</figure>\n", escape(title),
                     tile_image({rows.data(), units.size(), rbm.shape().visible}, picture,
                                tile_columns(picture, units.size()), Shading::weights_each_alone, alt),
                     details("Their numbers, in the same order", "<p class=\"mono\">" + numbers + "</p>\n"));
}

std::string filter_section(RbmView<const Real> rbm, const HiddenUse* use, const std::vector<std::size_t>& order,
                           const std::vector<std::uint64_t>& picture) {
  std::string html = fmt::format(
      "<p>What each hidden unit looks for: its weights, {}, each scaled to its own largest. Grey is zero, white "
      "speaks for the unit, black against it.</p>\n",
      order_name(use));
  const std::size_t most = most_tiles(picture);
  const std::span<const std::size_t> units(order);
  if (units.size() <= most) return html + filters(rbm, use, units, picture, "All hidden units");
  // Whole lines of tiles.
  const std::size_t columns = tile_columns(picture, most);
  const std::size_t last = std::max<std::size_t>(1, most / 4 / columns) * columns;
  const std::size_t first = std::max<std::size_t>(1, (most - last) / columns) * columns;
  const char* const which = use != nullptr ? "used" : "weighty";
  html += filters(rbm, use, units.first(first), picture,
                  fmt::format("The {} most {} of {}", first, which, whole_text(units.size())));
  return html + filters(rbm, use, units.last(last), picture, fmt::format("The {} least {}", last, which));
}

/// "v17 +2.31, v4 −1.9": the visible units with the largest weights.
std::string strongest(RbmView<const Real> rbm, std::size_t unit) {
  constexpr std::size_t most = 5;
  std::vector<std::size_t> visible(rbm.shape().visible);
  std::iota(visible.begin(), visible.end(), std::size_t{0});
  const std::size_t count = std::min(most, visible.size());
  std::ranges::partial_sort(visible, visible.begin() + static_cast<std::ptrdiff_t>(count), std::greater(),
                            [&](std::size_t i) { return std::abs(rbm.weights.row(i)[unit]); });
  std::string text;
  for (std::size_t k = 0; k < count; ++k) {
    const auto weight = static_cast<double>(rbm.weights.row(visible[k])[unit]);
    text += fmt::format("{}v{}&nbsp;{}{}", text.empty() ? "" : ", ", visible[k], weight > 0 ? "+" : "",
                        number_text(weight, 3));
  }
  return text;
}

std::string unit_table(RbmView<const Real> rbm, const HiddenUse* use, std::span<const std::size_t> units,
                       const std::string& caption) {
  Table content{.caption = caption,
                .columns = {{"unit", true}, {"active", true}, {"bias", true}, {"largest weights, by visible unit"}},
                .rows = {}};
  for (const std::size_t unit : units) {
    content.rows.push_back({fmt::format("{}", unit), activity_text(use, unit),
                            number_text(static_cast<double>(rbm.hidden_bias[unit]), 3), strongest(rbm, unit)});
  }
  if (use == nullptr) {  // nobody knows how active they are
    content.columns.erase(content.columns.begin() + 1);
    for (auto& row : content.rows) row.erase(row.begin() + 1);
  }
  return table(content);
}

std::string heat_map(RbmView<const Real> rbm, const HiddenUse* use, const std::vector<std::size_t>& order) {
  constexpr std::size_t most_hidden = 64;
  constexpr std::size_t most_visible = 256;
  const std::span<const std::size_t> units = std::span(order).first(std::min(most_hidden, order.size()));
  const std::size_t visible = rbm.shape().visible;
  const std::size_t columns = std::min(most_visible, visible);
  const AlignedBuffer<Real> rows = weights_of(rbm, units);
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

/// "3, 17 and 20"; a long list ends with how many more there are.
std::string list_of(const std::vector<std::size_t>& units) {
  constexpr std::size_t most = 40;
  std::string text;
  for (std::size_t i = 0; i < std::min(most, units.size()); ++i) {
    const bool last = i + 1 == units.size();
    text += fmt::format("{}{}", i == 0 ? "" : last ? " and " : ", ", units[i]);
  }
  if (units.size() > most) text += fmt::format(" and {} more", whole_text(units.size() - most));
  return text;
}

/// "Mean 0.01, standard deviation 0.25."
std::string moments_text(std::span<const Real> values) {
  const auto [least, most] = std::ranges::minmax(values);
  if (least == most) {
    return fmt::format("{} {}.", values.size() == 1 ? "There is one:" : "All are",
                       number_text(static_cast<double>(least), 3));
  }
  double sum = 0;
  double squares = 0;
  for (const Real value : values) sum += static_cast<double>(value);
  const double mean = sum / static_cast<double>(values.size());
  for (const Real value : values) squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
  return fmt::format("Mean {}, standard deviation {}.", number_text(mean, 3),
                     number_text(std::sqrt(squares / static_cast<double>(values.size())), 3));
}

std::string word_on(const HiddenUse& use, bool (*belongs)(double), const char* name, const std::string& meaning) {
  std::vector<std::size_t> units;
  for (std::size_t unit = 0; unit < use.activity.size(); ++unit) {
    if (belongs(use.activity[unit])) units.push_back(unit);
  }
  if (units.empty()) return fmt::format("<p>No unit is {}, that is, {}.</p>\n", name, meaning);
  return fmt::format("<p><strong>{} {}</strong>: {}. {} {}.</p>\n", count_text(units.size(), "unit"),
                     fmt::format("{} {}", units.size() == 1 ? "is" : "are", name), meaning,
                     units.size() == 1 ? "It is number" : "They are", list_of(units));
}

}  // namespace

Section units_section(RbmView<const Real> rbm, const HiddenUse* use, const std::vector<std::uint64_t>& picture) {
  const std::vector<std::size_t> order = order_of(rbm, use);
  constexpr std::size_t most_rows = 15;
  const std::string listed = unit_table(rbm, use, std::span(order).first(std::min(most_rows, order.size())),
                                        fmt::format("Hidden units, {}", order_name(use)));
  Section section{.id = "units", .title = "Hidden units", .html = {}};
  section.html = picture.empty()
                     ? heat_map(rbm, use, order) + listed
                     : filter_section(rbm, use, order, picture) + details("Biases and largest weights", listed);
  return section;
}

Section distributions_section(RbmView<const Real> rbm, const HiddenUse* use) {
  constexpr int bins = 80;
  const auto chart = [&](const char* title, const char* what, std::span<const Real> values) {
    return histogram_chart({.title = title,
                            .note = moments_text(values),
                            .x_name = "value",
                            .what = what,
                            .histogram = histogram(values, bins)});
  };
  std::string html = "<div class=\"charts\">\n";
  std::string words;
  if (use != nullptr) {
    const std::vector<Real> activity(use->activity.begin(), use->activity.end());
    html += histogram_chart(
        {.title = "Activity of the hidden units",
         .note = fmt::format("Mean probability of being on, over {}.", part_text(use->rows, use->rows_in_use, "row")),
         .x_name = "mean activity",
         .what = "unit",
         .histogram = histogram(activity, 0, 1, 50)});
    words =
        word_on(*use, is_dead, "dead", fmt::format("on with a mean probability below {:g} %", dead_activity * 100)) +
        word_on(*use, is_saturated, "saturated",
                fmt::format("on with a mean probability above {:g} %", saturated_activity * 100));
  }
  html += chart("Weights", "weight", {rbm.weights.values, rbm.weights.size()});
  html += chart("Hidden biases", "unit", rbm.hidden_bias);
  html += chart("Visible biases", "unit", rbm.visible_bias);
  return {.id = "distributions", .title = "Distributions", .html = words + html + "</div>\n"};
}

}  // namespace rbmpi
