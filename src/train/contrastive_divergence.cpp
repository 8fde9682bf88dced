#include "train/contrastive_divergence.hpp"

namespace rbmpi {

std::unique_ptr<GradientEstimator> make_contrastive_divergence(const EstimatorSettings& settings, NodeMemory& memory) {
  return make_contrastive_divergence_blas(settings, memory);
}

std::uint64_t contrastive_divergence_shared_memory(const EstimatorSizes& sizes) {
  return contrastive_divergence_blas_shared_memory(sizes);
}

std::uint64_t contrastive_divergence_memory(const EstimatorSizes& sizes) {
  return contrastive_divergence_blas_memory(sizes);
}

}  // namespace rbmpi
