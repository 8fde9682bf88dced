#include "train/contrastive_divergence.hpp"

namespace rbmpi {

std::unique_ptr<BatchGradient> make_contrastive_divergence(const EstimatorSettings& settings, Workspace& memory) {
  return settings.options.engine == Engine::active ? make_contrastive_divergence_active(settings, memory)
                                                   : make_contrastive_divergence_blas(settings, memory);
}

}  // namespace rbmpi
