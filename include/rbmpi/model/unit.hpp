#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/core/real.hpp"

namespace rbmpi {

struct UnitEntry;

/// Zeros and ones, with a bias: U(x) = -b x, 1 with probability sigmoid(I + b).
extern const UnitEntry bernoulli_unit;

/// Units beside each other on one side of a machine, all of one kind, with their parameters: array k of these is
/// `parameters + k * stride`, a number for each unit. It owns nothing.
struct UnitRow {
  const UnitEntry* unit = &bernoulli_unit;
  std::size_t count = 0;
  const Real* parameters = nullptr;
  std::size_t stride = 0;  ///< units of the whole side

  /// Some of them.
  [[nodiscard]] UnitRow part(std::size_t first, std::size_t units) const noexcept {
    return {unit, units, parameters + first, stride};
  }
};

/// What units answer whose states are zeros and ones, kept as bits (core/bit_matrix.hpp): as in UnitEntry.
struct BitUnits {
  double (*energy)(const UnitRow& units, const std::uint64_t* states) noexcept;
  void (*draw)(const UnitRow& units, const RandomStream& stream, const Real* fields, std::uint64_t* states) noexcept;
};

/// A kind of unit: one row of the table of units. A unit in the state x has the energy U(x) = -sum_k theta_k s_k(x) of
/// its parameters theta, and takes part in that of the machine by U(x) - I x, with the field I = the weighted sum of
/// the states of the other side. All functions are Local, run on the calling thread and allocate nothing; they serve a
/// row of units, so that a call through a pointer is one for many units.
struct UnitEntry {
  /// As it stands in files and in the line of a digest.
  std::string_view name;
  /// What its parameters are called, in the order in which they lie; in files behind the side: "visible_bias".
  std::span<const std::string_view> parameters;
  /// The values that its state may have, rising, where the states of a side are all combinations of them; empty where
  /// they are not: real numbers, or units of which one in a group is on.
  std::span<const double> values;
  /// What data may have: means of states, or the states.
  double least_data;
  double most_data;
  /// Whether the unit is 1 with probability sigmoid(I + first parameter), else 0. For such states there are fused
  /// kernels (core/state_kernels.hpp), and fast ways to form log Z and flips; others take the ways through this table.
  bool logistic;

  /// The sum of U(x_i), in the order of the units.
  double (*energy)(const UnitRow& units, const Real* states) noexcept;
  /// `energy` less the cumulants log sum_x exp(fields[i] x - U_i(x)), one after the other: with these units summed out.
  double (*sum_out)(double energy, const UnitRow& units, const double* fields) noexcept;
  /// From fields to the means of states, in place, rounded.
  void (*mean)(const UnitRow& units, ProbabilityRounding rounding, Real* fields) noexcept;
  /// The same, and states drawn given them, each from a fixed number of random numbers of its place in the row. The
  /// states may take the place of the fields; the means are then lost.
  void (*draw)(const UnitRow& units, ProbabilityRounding rounding, const RandomStream& stream, Real* fields,
               Real* states) noexcept;
  /// States of `count` units in data: drawn, with the data as their means, or the data themselves. May be in place.
  void (*draw_data)(std::size_t count, const RandomStream& stream, const Real* data, Real* states) noexcept;
  /// sums [parameters x stride of the units] += weight * s_k(x_i): what the gradient of the parameters is a mean of.
  void (*add_statistics)(const UnitRow& units, Real weight, const Real* states, Real* sums) noexcept;
  /// Parameters [parameters x units] with which units without fields have these means in data, so that training need
  /// not learn them first. With a pseudocount, so that they are finite: a row of the data counts as half-way between
  /// the least and the most, m + (half-way - m) / rows.
  void (*start)(std::span<const double> means, std::uint64_t rows, std::span<Real> parameters) noexcept;
  /// Where states can be kept as bits; else null.
  const BitUnits* bits;

  /// Whether it has just two states, `values`: what a pseudo-likelihood flips.
  [[nodiscard]] bool flips() const noexcept { return values.size() == 2; }
  /// The other state; of a number between the two, as far from the other one.
  [[nodiscard]] double flipped(double value) const noexcept { return values[0] + values[1] - value; }
};

/// Local. The table: the kinds that are known.
[[nodiscard]] std::span<const UnitEntry* const> units() noexcept;

/// Local. The row of that name; null if there is none.
[[nodiscard]] const UnitEntry* find_unit(std::string_view name) noexcept;
/// Local. The same; throws Error(Failure::usage), which tells the names that are known.
[[nodiscard]] const UnitEntry& unit(std::string_view name);
/// Local. The names that are known, as in "bernoulli, spin".
[[nodiscard]] std::string unit_names();

/// Local. The states of such units: "zeros and ones", "states of -1, 1" or, without a list of them, "states".
[[nodiscard]] std::string states_in_words(const UnitEntry& entry);

/// Local. Adds a row, which must live on, before a machine of such units is made or read: a program that trains units
/// of its own does it when it begins. On every rank in the same order. Throws Error(Failure::usage) if there is one of
/// that name, or if it does not answer everything that a unit must.
void add_unit(const UnitEntry& entry);

/// Local. UnitEntry::sum_out for the fields t x.
[[nodiscard]] double sum_out(double energy, const UnitRow& units, const Real* fields,
                             double inverse_temperature = 1) noexcept;

}  // namespace rbmpi
