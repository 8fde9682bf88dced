#include "train/contrastive_divergence.hpp"

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {

std::unique_ptr<BatchGradient> make_contrastive_divergence(const EstimatorSettings& settings, Workspace& memory) {
  const RbmShape shape = settings.rbm.shape();
  if (rbm_layout(shape).count() != 3) {
    throw Error(Failure::usage,
                fmt::format("estimator = cd takes units of one parameter each; this machine has {} units",
                            units_in_words(shape)));
  }
  return settings.options.engine == Engine::active ? make_contrastive_divergence_active(settings, memory)
                                                   : make_contrastive_divergence_blas(settings, memory);
}

}  // namespace rbmpi
