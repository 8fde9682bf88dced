#pragma once

// The engines of contrastive divergence.

#include "rbmpi/train/gradient_estimator.hpp"

namespace rbmpi {

[[nodiscard]] std::unique_ptr<BatchGradient> make_contrastive_divergence_blas(const EstimatorSettings& settings,
                                                                              Workspace& memory);
[[nodiscard]] std::unique_ptr<BatchGradient> make_contrastive_divergence_active(const EstimatorSettings& settings,
                                                                                Workspace& memory);

}  // namespace rbmpi
