#include "train/contrastive_divergence.hpp"

namespace rbmpi {

std::unique_ptr<GradientEstimator> make_contrastive_divergence(const EstimatorSettings& settings, NodeMemory& memory) {
  return settings.sizes.engine == Engine::active ? make_contrastive_divergence_active(settings, memory)
                                                 : make_contrastive_divergence_blas(settings, memory);
}

std::uint64_t contrastive_divergence_shared_memory(const EstimatorSizes& sizes) {
  return sizes.engine == Engine::active ? contrastive_divergence_active_shared_memory(sizes)
                                        : contrastive_divergence_blas_shared_memory(sizes);
}

std::uint64_t contrastive_divergence_memory(const EstimatorSizes& sizes) {
  return sizes.engine == Engine::active ? contrastive_divergence_active_memory(sizes)
                                        : contrastive_divergence_blas_memory(sizes);
}

}  // namespace rbmpi
