#include <algorithm>
#include <array>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/softplus.hpp"
#include "rbmpi/core/state_kernels.hpp"
#include "rbmpi/model/unit.hpp"

namespace rbmpi {
namespace {

constexpr std::array<std::string_view, 1> parameter_names = {"bias"};
constexpr std::array<double, 2> zero_and_one = {0, 1};

double energy_of_numbers(const UnitRow& units, const Real* states) noexcept {
  double energy = 0;
  for (std::size_t i = 0; i < units.count; ++i) energy -= double{units.parameters[i]} * double{states[i]};
  return energy;
}

double energy_of_bits(const UnitRow& units, const std::uint64_t* states) noexcept {
  double energy = 0;
  for_each_unit_on({states, 1, units.count}, 0, [&](std::size_t i) { energy -= double{units.parameters[i]}; });
  return energy;
}

double sum_out_bernoulli(double energy, const UnitRow& units, const double* fields) noexcept {
  for (std::size_t i = 0; i < units.count; ++i) energy -= softplus(double{units.parameters[i]} + fields[i]);
  return energy;
}

void probability(const UnitRow& units, ProbabilityRounding rounding, Real* fields) noexcept {
  activate(fields, units.parameters, units.count, rounding);
}

void draw_numbers(const UnitRow& units, ProbabilityRounding rounding, const RandomStream& stream, Real* fields,
                  Real* states) noexcept {
  activate(fields, units.parameters, units.count, rounding);
  sample(fields, units.count, stream, states);
}

void draw_bits(const UnitRow& units, const RandomStream& stream, const Real* fields, std::uint64_t* states) noexcept {
  activate_and_sample(fields, units.parameters, units.count, stream, states);
}

void draw_probabilities(std::size_t count, const RandomStream& stream, const Real* data, Real* states) noexcept {
  sample(data, count, stream, states);
}

void add_states(const UnitRow& units, Real weight, const Real* states, Real* sums) noexcept {
  for (std::size_t i = 0; i < units.count; ++i) sums[i] += weight * states[i];
}

/// log(p / (1 - p)) of a probability in (0, 1), by the same operations on every processor.
double log_odds(double p) noexcept {
  return portable_log(p) - portable_log(1 - p);
}

/// Hinton 2012, section 8, with a pseudocount of one row.
void start_at_log_odds(std::span<const double> means, std::uint64_t rows, std::span<Real> parameters) noexcept {
  const double share = 1 / static_cast<double>(rows);
  for (std::size_t i = 0; i < means.size(); ++i) {
    parameters[i] = static_cast<Real>(log_odds(means[i] + share * (0.5 - means[i])));
  }
}

constexpr BitUnits bernoulli_bits{.energy = energy_of_bits, .draw = draw_bits};

}  // namespace

constinit const UnitEntry bernoulli_unit{.name = "bernoulli",
                                         .parameters = parameter_names,
                                         .values = zero_and_one,
                                         .least_data = 0,
                                         .most_data = 1,
                                         .logistic = true,
                                         .energy = energy_of_numbers,
                                         .sum_out = sum_out_bernoulli,
                                         .mean = probability,
                                         .draw = draw_numbers,
                                         .draw_data = draw_probabilities,
                                         .add_statistics = add_states,
                                         .start = start_at_log_odds,
                                         .bits = &bernoulli_bits};

}  // namespace rbmpi
