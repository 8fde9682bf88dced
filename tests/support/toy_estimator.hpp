#pragma once

#include "rbmpi/train/gradient_estimator.hpp"

namespace rbmpi::test {

/// Chains of the toy estimator: another number than that of the rows of any batch.
inline constexpr std::uint64_t toy_chains = 37;

/// A row of the table of estimators: chains that live on from step to step and take one sweep in each, with the centred
/// gradient of the weights, W' = W - b l^T - m c^T, where m and l are the means of the units in the data.
[[nodiscard]] GradientEstimatorEntry toy_estimator();

}  // namespace rbmpi::test
