#include "rbmpi/report/axis.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "rbmpi/report/html.hpp"

namespace rbmpi {
namespace {

/// The multiples of `step` in [low, high], each rounded once, so that errors do not add up.
std::vector<double> multiples(double step, double low, double high) {
  std::vector<double> ticks;
  const double slack = 1e-9 * step;
  for (double k = std::ceil((low - slack) / step); k * step <= high + slack; ++k) ticks.push_back(k * step);
  return ticks;
}

}  // namespace

std::string Axis::label(double tick) const {
  const double largest = std::max(std::abs(low), std::abs(high));
  if (std::abs(tick) < step * 1e-6) return "0";
  if (largest < 1e-4 || largest >= 1e9) return number_text(tick, 3);
  const bool thousands = largest >= 10000 && std::fmod(step, 1000.0) == 0;
  const bool millions = largest >= 10e6 && std::fmod(step, 1e6) == 0;
  const double unit = millions ? 1e6 : thousands ? 1e3 : 1;
  const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(step / unit) + 1e-9)));
  std::string text = fmt::format("{:.{}f}{}", tick / unit, decimals, millions ? "M" : thousands ? "k" : "");
  if (text.front() == '-') text.replace(0, 1, "\xe2\x88\x92");
  return text;
}

double round_step(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

Axis round_axis(double low, double high, int most) {
  if (high - low <= 1e-12 * std::max(std::abs(low), std::abs(high)) || high == low) {
    const double room = low == 0 ? 1 : std::abs(low) * 0.1;
    low -= room;
    high += room;
  }
  // Rounding the ends outwards may take two steps more than the span has.
  double step = round_step((high - low) / most);
  const auto begin = [&] { return std::floor(low / step + 1e-9) * step; };
  const auto end = [&] { return std::ceil(high / step - 1e-9) * step; };
  while (std::lround((end() - begin()) / step) > most) step = round_step(step * 1.5);
  Axis axis{.low = begin(), .high = end(), .step = step, .ticks = {}};
  axis.ticks = multiples(step, axis.low, axis.high);
  return axis;
}

Axis whole_axis(double low, double high, int most) {
  if (high <= low) return {.low = low - 1, .high = low + 1, .step = 1, .ticks = {low}};
  Axis axis{.low = low, .high = high, .step = std::max(1.0, round_step((high - low) / most)), .ticks = {}};
  axis.ticks = multiples(axis.step, low, high);
  return axis;
}

Axis count_axis(std::uint64_t largest, int most) {
  const auto high = static_cast<double>(largest);
  Axis axis{.low = 0, .high = high, .step = std::max(1.0, round_step(high / most)), .ticks = {}};
  axis.high = std::ceil(high / axis.step - 1e-9) * axis.step;
  axis.ticks = multiples(axis.step, 0, axis.high);
  return axis;
}

}  // namespace rbmpi
