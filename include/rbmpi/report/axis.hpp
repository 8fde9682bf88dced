#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rbmpi {

/// An axis of a chart with round ticks: multiples of 1, 2 or 5 times a power of ten.
struct Axis {
  double low = 0;
  double high = 1;  ///< > low
  double step = 1;  ///< from tick to tick
  std::vector<double> ticks;

  /// Where a value lies: 0 at `low`, 1 at `high`.
  [[nodiscard]] double position(double value) const noexcept { return (value - low) / (high - low); }
  /// "−0.05", "20k": a tick with just the decimals that all ticks need.
  [[nodiscard]] std::string label(double tick) const;
};

/// Local. The smallest of 1, 2, 5 times a power of ten that is not less than `least` (> 0, finite).
[[nodiscard]] double round_step(double least);

/// Local. An axis with at most `most` steps whose ends are ticks, for values in [low, high] (finite, low <= high).
/// Equal values get some room around them.
[[nodiscard]] Axis round_axis(double low, double high, int most);

/// Local. An axis for whole numbers such as epochs: it ends where they end, its ticks are whole.
[[nodiscard]] Axis whole_axis(double low, double high, int most);

/// Local. An axis from 0 for counts up to `largest` (at least 1): its ticks are whole.
[[nodiscard]] Axis count_axis(std::uint64_t largest, int most);

}  // namespace rbmpi
