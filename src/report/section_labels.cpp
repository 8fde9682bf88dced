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

/// "17 +2.31, 4 −1.9": the hidden units with the largest weights from a visible one.
std::string strongest(ConstMatrixView weights, std::size_t visible) {
  constexpr std::size_t most = 6;
  const Real* const row = weights.row(visible);
  std::vector<std::size_t> units(weights.columns);
  std::iota(units.begin(), units.end(), std::size_t{0});
  const std::size_t count = std::min(most, units.size());
  std::ranges::partial_sort(units, units.begin() + static_cast<std::ptrdiff_t>(count), std::greater(),
                            [&](std::size_t unit) { return std::abs(row[unit]); });
  std::string text;
  for (std::size_t k = 0; k < count; ++k) {
    const auto weight = static_cast<double>(row[units[k]]);
    text += fmt::format("{}{}&nbsp;{}{}", text.empty() ? "" : ", ", units[k], weight > 0 ? "+" : "",
                        number_text(weight, 3));
  }
  return text;
}

}  // namespace

Section labels_section(const RunLayer& layer, const HiddenUse* use) {
  constexpr std::size_t most_hidden = 256;
  Section section{.id = "labels", .title = "Labels", .html = {}};
  if (layer.rbm == nullptr || layer.classes.empty()) return section;
  const RbmView<const Real> rbm = *layer.rbm;
  const std::size_t classes = layer.classes.size();
  const std::size_t features = rbm.shape().visible - classes;
  const std::size_t hidden = std::min(most_hidden, rbm.shape().hidden);
  AlignedBuffer<Real> shown(classes * hidden);
  Real largest = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    for (std::size_t j = 0; j < hidden; ++j) {
      const Real weight = rbm.weights.row(features + k)[use == nullptr ? j : use->by_use[j]];
      shown.data()[k * hidden + j] = weight;
      largest = std::max(largest, std::abs(weight));
    }
  }
  const std::string limit = number_text(static_cast<double>(largest), 3);
  section.html = fmt::format(
      "<p>The last {} visible units are one for each label: of a row, that of its label is on. The "
      "pictures and heat maps of other sections leave them out.</p>\n"
      "<figure><figcaption><h3>Their weights</h3><p>A line is a label, a column is a hidden unit, {}. Black is −{}, "
      "grey 0, white +{}.</p></figcaption>\n{}</figure>\n",
      whole_text(classes),
      (use == nullptr ? std::string("in their order") : "the most used first") +
          (hidden < rbm.shape().hidden ? fmt::format(", {} of {}", hidden, whole_text(rbm.shape().hidden)) : ""),
      limit, limit,
      strip_image({shown.data(), classes, hidden}, Shading::weights_together,
                  fmt::format("Heat map of the weights from {} to {}, from −{} to +{}", count_text(classes, "label"),
                              count_text(hidden, "hidden unit"), limit, limit)));
  HtmlTable content{.caption = "Units for labels",
                    .columns = {{"label", true}, {"bias", true}, {"largest weights, by hidden unit"}},
                    .rows = {}};
  for (std::size_t k = 0; k < classes; ++k) {
    content.rows.push_back({fmt::format("{}", layer.classes[k]),
                            number_text(static_cast<double>(rbm.visible_bias[features + k]), 3),
                            strongest(rbm.weights, features + k)});
  }
  section.html += details("Biases and largest weights", table(content));
  return section;
}

}  // namespace rbmpi
