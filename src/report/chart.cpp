#include "rbmpi/report/chart.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/report/axis.hpp"
#include "rbmpi/report/html.hpp"

namespace rbmpi {
namespace {

/// Where the axes lie in the drawing, in its own units; texts are 14 high.
struct Frame {
  double width = 480;
  double height = 270;
  double left = 58;
  double right = 20;
  double top = 34;
  double bottom = 46;

  [[nodiscard]] double x(double position) const { return left + position * (width - left - right); }
  [[nodiscard]] double y(double position) const { return height - bottom - position * (height - top - bottom); }
};

/// Characters of a label.
double length_of(const std::string& text) {
  return static_cast<double>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; }));
}

/// The frame with room for the labels of the axes.
Frame fitted(Frame frame, const Axis& x, const Axis& y) {
  constexpr double character = 8;
  for (const double tick : y.ticks) frame.left = std::max(frame.left, 12 + character * length_of(y.label(tick)));
  for (const double tick : x.ticks) frame.right = std::max(frame.right, 4 + character / 2 * length_of(x.label(tick)));
  return frame;
}

std::string text_at(double x, double y, std::string_view style, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\">{}</text>\n", x, y, style, escape(text));
}

std::string line_from(double x1, double y1, double x2, double y2, std::string_view style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2, y2,
                     style);
}

std::string draw_axes(const Frame& frame, const Axis& x, const std::string& x_name, const Axis& y,
                      const std::string& y_name) {
  std::string svg = text_at(0, 14, "name", y_name);
  for (const double tick : y.ticks) {
    const double at = frame.y(y.position(tick));
    svg += line_from(frame.x(0), at, frame.x(1), at, "grid");
    svg += text_at(frame.left - 8, at + 5, "tick end", y.label(tick));
  }
  svg += line_from(frame.x(0), frame.y(0), frame.x(1), frame.y(0), "axis");
  for (const double tick : x.ticks) {
    const double at = frame.x(x.position(tick));
    svg += line_from(at, frame.y(0), at, frame.y(0) + 5, "axis");
    svg += text_at(at, frame.y(0) + 20, "tick middle", x.label(tick));
  }
  return svg + text_at((frame.x(0) + frame.x(1)) / 2, frame.height - 6, "name middle", x_name);
}

std::string figure(const std::string& title, const std::string& note, const Frame& frame,
                   const std::string& description, const std::string& drawing) {
  return fmt::format(
      "<figure class=\"chart\"><figcaption><h3>{}</h3>{}</figcaption>\n"
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n{}</svg></figure>\n",
      escape(title), note.empty() ? "" : element("p", note), frame.width, frame.height, escape(description), drawing);
}

constexpr double line_height = 17;

/// The heights of labels of two lines each that want to be at `wanted`, moved apart so that none covers another.
std::vector<double> spread(const std::vector<double>& wanted, double low, double high) {
  std::vector<std::size_t> order(wanted.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
  std::vector<double> heights(wanted.size());
  const double apart = 2 * line_height + 2;
  double next = low;
  for (const std::size_t i : order) {
    heights[i] = std::max(wanted[i], next);
    next = heights[i] + apart;
  }
  double last = high;
  for (std::size_t k = order.size(); k-- > 0;) {
    heights[order[k]] = std::min(heights[order[k]], last);
    last = heights[order[k]] - apart;
  }
  return heights;
}

/// Thinned to what a drawing of this width can show; the last point stays.
std::vector<LineChart::Point> thinned(const std::vector<LineChart::Point>& points) {
  constexpr std::size_t most = 500;
  const std::size_t stride = (points.size() + most - 1) / most;
  if (stride <= 1) return points;
  std::vector<LineChart::Point> kept;
  for (std::size_t i = 0; i + 1 < points.size(); i += stride) kept.push_back(points[i]);
  kept.push_back(points.back());
  return kept;
}

std::string draw_series(const Frame& frame, const Axis& x, const Axis& y, const LineChart::Series& series,
                        std::size_t index, const std::string& x_name) {
  constexpr std::size_t most_dots = 40;
  const std::vector<LineChart::Point> points = thinned(series.points);
  const auto at_x = [&](const LineChart::Point& point) { return frame.x(x.position(point.x)); };
  const auto at_y = [&](double value) { return frame.y(y.position(value)); };
  std::string svg;
  std::string path;
  for (const LineChart::Point& point : points) {
    path += fmt::format("{:.1f},{:.1f} ", at_x(point), at_y(point.y));
    if (point.error > 0) {
      svg += line_from(at_x(point), at_y(point.y - point.error), at_x(point), at_y(point.y + point.error),
                       fmt::format("error s{}", index));
    }
  }
  if (points.size() > 1) svg += fmt::format("<polyline points=\"{}\" class=\"line s{}\"/>\n", path, index);
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points.size() > most_dots && i + 1 < points.size()) continue;
    const bool last = i + 1 == points.size();
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" class=\"dot s{}\"><title>{}</title></circle>\n",
                       at_x(points[i]), at_y(points[i].y), last ? 4 : 2.5, index,
                       escape(fmt::format("{} {}: {} {}", x_name, number_text(points[i].x, 9), series.name,
                                          number_text(points[i].y))));
  }
  return svg;
}

}  // namespace

std::string line_chart(const LineChart& chart) {
  std::vector<LineChart::Series> all;
  std::ranges::copy_if(chart.series, std::back_inserter(all),
                       [](const auto& series) { return !series.points.empty(); });
  if (all.empty()) return {};

  constexpr double infinity = std::numeric_limits<double>::infinity();
  double first = infinity;
  double last = -infinity;
  double low = infinity;
  double high = -infinity;
  std::size_t longest = 0;
  std::string description = chart.title + ", " + chart.y_name + ": ";
  for (const LineChart::Series& series : all) {
    for (const LineChart::Point& point : series.points) {
      low = std::min(low, point.y - point.error);
      high = std::max(high, point.y + point.error);
    }
    const LineChart::Point& begin = series.points.front();
    const LineChart::Point& end = series.points.back();
    first = std::min(first, begin.x);
    last = std::max(last, end.x);
    longest = std::max({longest, series.name.size(), figure_text(end.y).size()});
    description +=
        fmt::format("{} goes from {} in {} {} to {} in {} {}. ", series.name, number_text(begin.y), chart.x_name,
                    number_text(begin.x, 9), number_text(end.y), chart.x_name, number_text(end.x, 9));
  }
  Frame frame;
  frame.right = 22 + 7.4 * static_cast<double>(longest);
  const Axis x = whole_axis(first, last, 6);
  const Axis y = round_axis(low, high, 5);
  frame = fitted(frame, x, y);

  std::string svg = draw_axes(frame, x, chart.x_name, y, chart.y_name);
  std::vector<double> wanted;
  wanted.reserve(all.size());
  for (const LineChart::Series& series : all) wanted.push_back(frame.y(y.position(series.points.back().y)));
  const std::vector<double> heights = spread(wanted, frame.top, frame.height - frame.bottom - line_height / 2);
  for (std::size_t i = 0; i < all.size(); ++i) {
    svg += draw_series(frame, x, y, all[i], i, chart.x_name);
    const double at = frame.x(x.position(all[i].points.back().x)) + 10;
    svg += text_at(at, heights[i], fmt::format("label t{}", i), all[i].name);
    svg +=
        text_at(at, heights[i] + line_height, fmt::format("label value t{}", i), figure_text(all[i].points.back().y));
  }
  return figure(chart.title, chart.note, frame, description, svg);
}

Histogram histogram(std::span<const Real> values, int bins) {
  const auto least = static_cast<double>(std::ranges::min(values));
  const auto most = static_cast<double>(std::ranges::max(values));
  const double size = std::max(std::abs(least), std::abs(most));
  const double span = most - least;
  if (span <= size * 1e-4) {
    // As good as one value: a narrow bar in the middle of an axis.
    constexpr int around = 41;
    const double step = round_step((size > 0 ? size : 2) / around);
    const double begin = (least + most) / 2 - step * around / 2;
    return histogram(values, begin, begin + step * around, around);
  }
  const double width = round_step(span / bins);
  const double low = std::floor(least / width) * width;
  // One bin more, so that the largest value is inside even where it is the end of a bin.
  const double count = std::floor((most - low) / width) + 1;
  return histogram(values, low, low + count * width, static_cast<int>(count));
}

Histogram histogram(std::span<const Real> values, double low, double high, int bins) {
  Histogram all{.low = low, .width = (high - low) / bins, .counts = {}};
  all.counts.resize(static_cast<std::size_t>(bins));
  for (const Real value : values) {
    const double position = (static_cast<double>(value) - low) / all.width;
    ++all.counts[static_cast<std::size_t>(std::clamp(position, 0.0, bins - 1.0))];
  }
  return all;
}

std::string histogram_chart(const HistogramChart& chart) {
  const Histogram& bins = chart.histogram;
  const double high = bins.low + bins.width * static_cast<double>(bins.counts.size());
  std::uint64_t total = 0;
  for (const std::uint64_t count : bins.counts) total += count;
  const std::uint64_t most = std::max<std::uint64_t>(1, std::ranges::max(bins.counts));

  Frame frame;
  frame.height = 220;
  Axis x = round_axis(bins.low, high, 6);
  // Fewer ticks where their labels would run into each other.
  const bool wide = std::ranges::any_of(x.ticks, [&](double tick) { return length_of(x.label(tick)) > 7; });
  if (wide) x = round_axis(bins.low, high, 3);
  // The ticks are round, the ends are those of the bins.
  x.low = bins.low;
  x.high = high;
  std::erase_if(x.ticks, [&](double tick) { return tick < x.low - 1e-9 * x.step || tick > x.high + 1e-9 * x.step; });
  const Axis y = count_axis(most, 4);
  frame = fitted(frame, x, y);

  std::string svg = draw_axes(frame, x, chart.x_name, y, fmt::format("number of {}s", chart.what));
  for (std::size_t i = 0; i < bins.counts.size(); ++i) {
    if (bins.counts[i] == 0) continue;
    const double from = bins.low + bins.width * static_cast<double>(i);
    const double begin = frame.x(x.position(from));
    const double end = frame.x(x.position(from + bins.width));
    const double top = frame.y(y.position(static_cast<double>(bins.counts[i])));
    // A bin with a few values among thousands still shows.
    const double height = std::max(1.0, frame.y(0) - top);
    svg += fmt::format(
        "<rect x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.1f}\" class=\"bin\"><title>{}</title></rect>\n",
        begin + 0.5, frame.y(0) - height, std::max(0.5, end - begin - 1), height,
        escape(fmt::format("{} to {}: {}", number_text(from), number_text(from + bins.width),
                           count_text(bins.counts[i], chart.what))));
  }
  svg += line_from(frame.x(0), frame.y(0), frame.x(1), frame.y(0), "axis");
  const auto peak = static_cast<std::size_t>(std::ranges::max_element(bins.counts) - bins.counts.begin());
  const double peak_begin = bins.low + bins.width * static_cast<double>(peak);
  const std::string description =
      fmt::format("Histogram of {} from {} to {}; most, {}, lie between {} and {}.", count_text(total, chart.what),
                  number_text(bins.low), number_text(high), whole_text(bins.counts[peak]), number_text(peak_begin),
                  number_text(peak_begin + bins.width));
  return figure(chart.title, chart.note, frame, description, svg);
}

std::string scatter_chart(const ScatterChart& chart) {
  constexpr std::size_t colours = 10;
  if (chart.points.empty()) return {};
  const auto [left, right] = std::ranges::minmax(chart.points, {}, &ScatterChart::Point::x);
  const auto [low, high] = std::ranges::minmax(chart.points, {}, &ScatterChart::Point::y);
  Frame frame;
  frame.height = 440;
  const Axis x = round_axis(left.x, right.x, 6);
  const Axis y = round_axis(low.y, high.y, 6);
  frame = fitted(frame, x, y);
  std::string svg = draw_axes(frame, x, chart.x_name, y, chart.y_name);
  for (const ScatterChart::Point& point : chart.points) {
    const double at_x = frame.x(x.position(point.x));
    const double at_y = frame.y(y.position(point.y));
    svg += point.mark.empty()
               ? fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.5\" class=\"dot s0\"/>\n", at_x, at_y)
               : text_at(at_x, at_y + 4, fmt::format("mark c{}", point.class_number % colours), point.mark);
  }
  const std::string description =
      fmt::format("{}: {} by {}, from {} to {}, and {}, from {} to {}.", chart.title,
                  count_text(chart.points.size(), chart.what), chart.x_name, number_text(left.x, 3),
                  number_text(right.x, 3), chart.y_name, number_text(low.y, 3), number_text(high.y, 3));
  return figure(chart.title, chart.note, frame, description, svg);
}

std::string agreement_chart(const AgreementChart& chart) {
  constexpr double dot = 2;  // closer ones count as one
  constexpr std::size_t most_dots = 3000;
  if (chart.points.empty()) return {};
  const auto [left, right] = std::ranges::minmax(chart.points, {}, &AgreementChart::Point::x);
  const auto [low, high] = std::ranges::minmax(chart.points, {}, &AgreementChart::Point::y);
  const Axis axis = round_axis(std::min(left.x, low.y), std::max(right.x, high.y), 5);
  Frame frame = fitted({}, axis, axis);
  frame.height = frame.width - frame.left - frame.right + frame.top + frame.bottom;

  std::set<std::pair<std::int64_t, std::int64_t>> dots;
  double differences = 0;
  for (const AgreementChart::Point& point : chart.points) {
    dots.emplace(std::llround(frame.x(axis.position(point.x)) / dot),
                 std::llround(frame.y(axis.position(point.y)) / dot));
    differences += std::abs(point.x - point.y);
  }
  std::string path;
  std::size_t seen = 0;
  std::size_t drawn = 0;
  for (const auto& [x, y] : dots) {
    ++seen;
    if (seen * std::min(most_dots, dots.size()) / dots.size() == drawn) continue;
    ++drawn;
    path += fmt::format("M{:g} {:g}h0", static_cast<double>(x) * dot, static_cast<double>(y) * dot);
  }
  const std::string svg = draw_axes(frame, axis, chart.x_name, axis, chart.y_name) +
                          line_from(frame.x(0), frame.y(0), frame.x(1), frame.y(1), "agree") +
                          fmt::format("<path d=\"{}\" class=\"dots s0\"/>\n", path);
  const std::string description =
      fmt::format("{}: {} by {}, from {} to {}, and {}, from {} to {}; the two differ by {} on average.", chart.title,
                  count_text(chart.points.size(), chart.what), chart.x_name, number_text(left.x, 3),
                  number_text(right.x, 3), chart.y_name, number_text(low.y, 3), number_text(high.y, 3),
                  number_text(differences / static_cast<double>(chart.points.size()), 2));
  return figure(chart.title, chart.note, frame, description, svg);
}

std::string share_chart(const ShareChart& chart) {
  double total = 0;
  for (const ShareChart::Part& part : chart.parts) total += part.seconds;
  if (!(total > 0)) return {};
  constexpr double least_named = 0.15;  // a narrower part has no room for its name

  std::string bar;
  std::string description = chart.title + ": ";
  HtmlTable legend{.caption = "Time by what it was spent on",
                   .columns = {{"part"}, {"time", true, true}, {"share", true, true}, {"what it is", false, true}},
                   .rows = {}};
  for (std::size_t i = 0; i < chart.parts.size(); ++i) {
    const ShareChart::Part& part = chart.parts[i];
    if (part.seconds <= 0) continue;
    const double share = part.seconds / total;
    bar += fmt::format(R"(<span class="part p{}" style="flex-grow:{:.5f}" title="{}: {}">{}</span>)", i, share * 100,
                       escape(part.name), percent_text(share), share >= least_named ? escape(part.name) : "");
    description += fmt::format("{} {}, ", part.name, percent_text(share));
    legend.rows.push_back({fmt::format("<span class=\"swatch p{}\"></span>{}", i, escape(part.name)),
                           seconds_text(part.seconds), percent_text(share), escape(part.meaning)});
  }
  description.resize(description.size() - 2);
  return fmt::format(
      "<figure class=\"wide\"><figcaption><h3>{}</h3>{}</figcaption>\n"
      "<div class=\"bar\" role=\"img\" aria-label=\"{}\">{}</div>\n{}</figure>\n",
      escape(chart.title), chart.note.empty() ? "" : element("p", chart.note), escape(description), bar, table(legend));
}

}  // namespace rbmpi
