#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/model/unit.hpp"

namespace rbmpi::test {

// A kind of unit that the program does not know: spins of -1 and +1 with U(x) = -b x, kept as numbers. It is what a
// program with units of its own writes: all of them in one file, and one call.

inline constexpr std::array<std::string_view, 1> toy_parameters = {"bias"};
inline constexpr std::array<double, 2> toy_values = {-1, 1};

inline double toy_energy(const UnitRow& units, const Real* states) noexcept {
  double energy = 0;
  for (std::size_t i = 0; i < units.count; ++i) energy -= double{units.parameters[i]} * double{states[i]};
  return energy;
}

/// Less log(2 cosh(x)) = |x| + log(1 + exp(-2 |x|)).
inline double toy_sum_out(double energy, const UnitRow& units, const double* fields) noexcept {
  for (std::size_t i = 0; i < units.count; ++i) {
    const double x = std::abs(double{units.parameters[i]} + fields[i]);
    energy -= x + std::log1p(std::exp(-2 * x));
  }
  return energy;
}

inline void toy_mean(const UnitRow& units, ProbabilityRounding rounding, Real* fields) noexcept {
  for (std::size_t i = 0; i < units.count; ++i) {
    double mean = std::tanh(double{units.parameters[i]} + double{fields[i]});
    if (rounding.exact)
      mean = std::ldexp(std::nearbyint(std::ldexp(mean, rounding.grid.exponent)), -rounding.grid.exponent);
    fields[i] = static_cast<Real>(mean);
  }
}

/// +1 with probability (1 + mean) / 2.
inline void toy_draw_data(std::size_t count, const RandomStream& stream, const Real* means, Real* states) noexcept {
  for (std::size_t i = 0; i < count; ++i) states[i] = (1 + means[i]) / 2;
  sample(states, count, stream, states);
  for (std::size_t i = 0; i < count; ++i) states[i] = 2 * states[i] - 1;
}

inline void toy_draw(const UnitRow& units, ProbabilityRounding rounding, const RandomStream& stream, Real* fields,
                     Real* states) noexcept {
  toy_mean(units, rounding, fields);
  toy_draw_data(units.count, stream, fields, states);
}

inline void toy_add_statistics(const UnitRow& units, Real weight, const Real* states, Real* sums) noexcept {
  for (std::size_t i = 0; i < units.count; ++i) sums[i] += weight * states[i];
}

inline void toy_start(std::span<const double> means, std::uint64_t rows, std::span<Real> parameters) noexcept {
  const double most = 1 - 1 / static_cast<double>(rows);
  for (std::size_t i = 0; i < means.size(); ++i) {
    parameters[i] = static_cast<Real>(std::atanh(std::clamp(means[i], -most, most)));
  }
}

inline constexpr UnitEntry toy_entry{.name = "toy-spin",
                                     .parameters = toy_parameters,
                                     .values = toy_values,
                                     .least_data = -1,
                                     .most_data = 1,
                                     .logistic = false,
                                     .energy = toy_energy,
                                     .sum_out = toy_sum_out,
                                     .mean = toy_mean,
                                     .draw = toy_draw,
                                     .draw_data = toy_draw_data,
                                     .add_statistics = toy_add_statistics,
                                     .start = toy_start,
                                     .bits = nullptr};

/// In the table, from the first call on.
inline const UnitEntry& toy_unit() {
  static const bool added = (add_unit(toy_entry), true);
  static_cast<void>(added);
  return toy_entry;
}

}  // namespace rbmpi::test
