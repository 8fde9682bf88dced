#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "rbmpi/core/kernels.hpp"
#include "support/scalar_draw.hpp"

// The kernels of rbmpi/core/kernels.hpp for one element, as plain IEEE operations: what every instruction set must
// give, bit for bit.
namespace rbmpi::test {

inline Real round_to(Real x, Grid grid) {
  return std::nearbyint(x * std::ldexp(Real{1}, grid.exponent)) * std::ldexp(Real{1}, -grid.exponent);
}

inline Real round_probability(Real p, ProbabilityRounding rounding) {
  return rounding.exact ? round_to(p, rounding.grid) : p;
}

inline Real sigmoid(Real x) {
  const Real y = std::max(std::min(-x, 87.0F), -87.0F);
  const Real n = std::nearbyint(y * 1.44269504F);
  Real r = y - n * 0x1.62p-1F;
  r = r - n * 0x1.c85fep-10F;
  Real series = 1.0F / 5040.0F;
  for (const Real factorial : {720.0F, 120.0F, 24.0F, 6.0F, 2.0F, 1.0F, 1.0F}) series = series * r + 1.0F / factorial;
  const auto exponent = static_cast<std::uint32_t>(static_cast<std::int32_t>(n) + 127);
  return 1.0F / (1.0F + series * std::bit_cast<Real>(exponent << 23U));
}

inline std::int64_t squared_error(Real a, Real b) {
  const auto difference = static_cast<std::int64_t>(std::nearbyint((a - b) * 4096.0F));
  return difference * difference;
}

inline Real gradient_of(const GradientTerms& terms, Real sum, Real parameter) {
  Real gradient = sum * terms.sample_share;
  if (terms.clip > 0) gradient = std::max(-terms.clip, std::min(gradient, terms.clip));
  const Real cost = terms.weight_cost * parameter;
  gradient = gradient - cost;
  if (parameter > 0) return gradient - terms.l1;
  return parameter < 0 ? gradient + terms.l1 : gradient;
}

inline void momentum_update(const MomentumStep& step, Real sum, Real& velocity, Real& parameter) {
  const Real gradient = gradient_of(step.gradient, sum, parameter);
  const Real kept = step.momentum * velocity;
  velocity = kept + gradient;
  const Real change = step.learning_rate * velocity;
  parameter = parameter + change;
}

inline void adam_update(const AdamStep& step, Real sum, Real& first_moment, Real& second_moment, Real& parameter) {
  const Real gradient = gradient_of(step.gradient, sum, parameter);
  const Real first_change = step.first_share * (gradient - first_moment);
  first_moment = first_moment + first_change;
  const Real square = gradient * gradient;
  const Real second_change = step.second_share * (square - second_moment);
  second_moment = second_moment + second_change;
  const Real size = std::sqrt(second_moment) + step.epsilon;
  const Real change = step.learning_rate * first_moment / size;
  parameter = parameter + change;
}

inline void rmsprop_update(const RmspropStep& step, Real sum, Real& mean_square, Real& parameter) {
  const Real gradient = gradient_of(step.gradient, sum, parameter);
  const Real square = gradient * gradient;
  const Real square_change = step.square_share * (square - mean_square);
  mean_square = mean_square + square_change;
  const Real size = std::sqrt(mean_square) + step.epsilon;
  const Real change = step.learning_rate * gradient / size;
  parameter = parameter + change;
}

/// The product of the gradients.
inline Real cossim_update(const CossimStep& step, Real sum, Real& last_gradient, Real& parameter) {
  const Real gradient = gradient_of(step.gradient, sum, parameter);
  const Real product = gradient * last_gradient;
  last_gradient = gradient;
  const Real change = step.learning_rate * gradient;
  parameter = parameter + change;
  return product;
}

/// As it is told of cossim_update: 16 places, then their sum.
inline Real sum_in_places(std::span<const Real> products) {
  std::array<Real, 16> places{};
  for (std::size_t i = 0; i < products.size(); ++i) places[i % places.size()] += products[i];
  for (std::size_t half = places.size() / 2; half > 0; half /= 2) {
    for (std::size_t k = 0; k < half; ++k) places[k] += places[k + half];
  }
  return places[0];
}

}  // namespace rbmpi::test
