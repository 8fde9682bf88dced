#pragma once

// The engines of contrastive divergence, for contrastive_divergence.cpp alone.

#include "rbmpi/train/gradient_estimator.hpp"

namespace rbmpi {

[[nodiscard]] std::unique_ptr<GradientEstimator> make_contrastive_divergence_blas(const EstimatorSettings& settings,
                                                                                  NodeMemory& memory);
[[nodiscard]] std::uint64_t contrastive_divergence_blas_shared_memory(const EstimatorSizes& sizes);
[[nodiscard]] std::uint64_t contrastive_divergence_blas_memory(const EstimatorSizes& sizes);
[[nodiscard]] std::unique_ptr<GradientEstimator> make_contrastive_divergence_active(const EstimatorSettings& settings,
                                                                                    NodeMemory& memory);
[[nodiscard]] std::uint64_t contrastive_divergence_active_shared_memory(const EstimatorSizes& sizes);
[[nodiscard]] std::uint64_t contrastive_divergence_active_memory(const EstimatorSizes& sizes);

}  // namespace rbmpi
