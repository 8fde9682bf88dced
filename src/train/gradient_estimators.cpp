#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/train/gradient_estimator.hpp"

namespace rbmpi {

std::span<const GradientEstimatorEntry> gradient_estimators() {
  static constexpr GradientEstimatorEntry table[] = {
      {"cd", "contrastive divergence, one step", make_contrastive_divergence},
  };
  return table;
}

const GradientEstimatorEntry& gradient_estimator(const std::string& name) {
  std::string known;
  for (const GradientEstimatorEntry& entry : gradient_estimators()) {
    if (name == entry.name) return entry;
    known += fmt::format(" {}", entry.name);
  }
  throw Error(Failure::usage, fmt::format("estimator = {}: known are{}", name, known));
}

}  // namespace rbmpi
