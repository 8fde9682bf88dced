#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "rbmpi/report/chart.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/figures.hpp"

namespace rbmpi {
namespace {

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

std::string values_chart(const std::string& title, const char* what, std::span<const Real> values,
                         const std::string& more = {}) {
  constexpr int bins = 80;
  return histogram_chart({.title = title,
                          .note = moments_text(values) + more,
                          .x_name = "value",
                          .what = what,
                          .histogram = histogram(values, bins)});
}

}  // namespace

Section distributions_section(RbmView<const Real> rbm, const HiddenUse* use) {
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
  html += values_chart("Weights", "weight", {rbm.weights.values, rbm.weights.size()});
  html += values_chart("Hidden biases", "unit", rbm.hidden_bias);
  html += values_chart("Visible biases", "unit", rbm.visible_bias);
  return {.id = "distributions", .title = "Distributions", .html = words + html + "</div>\n"};
}

Section net_weights_section(const FeedForwardNet& net) {
  std::string html = "<div class=\"charts\">\n";
  for (std::size_t k = 0; k < net.shape().layers(); ++k) {
    const NetLayer<const Real> layer = net.layer(k);
    const std::string unit = fmt::format("{} unit", activation_name(layer.activation));
    html +=
        values_chart(fmt::format("Layer {}: {} to {}", k + 1, whole_text(layer.weights.rows),
                                 count_text(layer.weights.columns, unit)),
                     "weight", {layer.weights.values, layer.weights.size()}, " Biases: " + moments_text(layer.bias));
  }
  return {.id = "weights", .title = "Weights", .html = html + "</div>\n"};
}

}  // namespace rbmpi
