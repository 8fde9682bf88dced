#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/core/real.hpp"

namespace rbmpi {

// Charts as inline SVG in a <figure>. Colours are classes (page_style.hpp), so that they follow the reader's scheme;
// what colour tells is also said by a label or a dash. Everything is Local.

/// Values over epochs.
struct LineChart {
  struct Point {
    double x = 0;
    double y = 0;
    double error = 0;  ///< one standard error, drawn as a bar up and down; 0: none
  };
  struct Series {
    std::string name;
    std::vector<Point> points;  ///< in the order of x; all finite
  };
  std::string title;
  std::string note;            ///< a sentence below the title, or empty
  std::string x_name;          ///< "epoch"
  std::string y_name;          ///< with its unit
  std::vector<Series> series;  ///< one to four
};
/// A <figure>; empty if there is no point at all.
[[nodiscard]] std::string line_chart(const LineChart& chart);

/// How often values lie in bins of equal, round width.
struct Histogram {
  double low = 0;    ///< where the first bin begins
  double width = 1;  ///< of a bin; bin i is [low + i width, low + (i + 1) width), the last one with its end
  std::vector<std::uint64_t> counts;
};
/// Local. About `bins` bins over all values (finite, at least one).
[[nodiscard]] Histogram histogram(std::span<const Real> values, int bins);
/// Local. Bins over [low, high], which has all values.
[[nodiscard]] Histogram histogram(std::span<const Real> values, double low, double high, int bins);

struct HistogramChart {
  std::string title;
  std::string note;
  std::string x_name;
  std::string what;  ///< "weight": what is counted, one of it
  Histogram histogram;
};
[[nodiscard]] std::string histogram_chart(const HistogramChart& chart);

/// Rows as marks in a plane. Those with a label have it as their mark, and a colour with it.
struct ScatterChart {
  struct Point {
    double x = 0;
    double y = 0;
    std::string mark;              ///< a short text, or empty: a dot
    std::size_t class_number = 0;  ///< for the colour
  };
  std::string title;
  std::string note;
  std::string x_name;
  std::string y_name;
  std::string what;  ///< "row": what a mark is
  std::vector<Point> points;
};
/// Empty if there is no point.
[[nodiscard]] std::string scatter_chart(const ScatterChart& chart);

/// The same figure of many things by two accounts: a dot for each, and the line where both agree. Dots that would cover
/// each other are drawn once.
struct AgreementChart {
  struct Point {
    double x = 0;
    double y = 0;
  };
  std::string title;
  std::string note;
  std::string x_name;
  std::string y_name;
  std::string what;           ///< "unit": what a dot is
  std::vector<Point> points;  ///< all finite
};
/// Empty if there is no point.
[[nodiscard]] std::string agreement_chart(const AgreementChart& chart);

/// Parts of a whole as one bar, with a table below that is its legend.
struct ShareChart {
  struct Part {
    std::string name;
    std::string meaning;
    double seconds = 0;
  };
  std::string title;
  std::string note;
  std::vector<Part> parts;  ///< at most eight; their order is that of the colours
};
/// Empty if the parts are nothing together.
[[nodiscard]] std::string share_chart(const ShareChart& chart);

}  // namespace rbmpi
