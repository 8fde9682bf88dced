#pragma once

#include "rbmpi/train/gradient_estimator.hpp"

namespace rbmpi::test {

/// Chains of the toy estimators: other numbers than that of the rows of any batch; the second is taken in parts.
inline constexpr std::uint64_t toy_chains = 37;
inline constexpr std::uint64_t many_toy_chains = 2030;

/// The states in which they begin.
[[nodiscard]] inline Real toy_start(std::uint64_t chain, std::uint64_t unit) {
  return static_cast<Real>((chain + unit) % 2);
}

/// Rows of the table of estimators, "toy" and "many-toys": chains that live on from step to step and take one sweep in
/// each, with the centred gradient (Melchior, Fischer and Wiskott 2016): m and l are the means of the units in the
/// data,
///   W' = W - b l^T - m c^T,   b' = b - W' l,   c' = c - W'^T m
[[nodiscard]] GradientEstimatorEntry toy_estimator();
[[nodiscard]] GradientEstimatorEntry many_toys_estimator();

}  // namespace rbmpi::test
