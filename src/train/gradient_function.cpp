#include "rbmpi/train/gradient_function.hpp"

namespace rbmpi {

void BatchGradient::combine(std::size_t /*array*/, Shard /*rows*/, const PhaseSums& sums, std::span<Real> data,
                            std::span<const Real> model) {
  const auto [of_data, of_model] = sums.factors;
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = data[i] * of_data - model[i] * of_model;
}

}  // namespace rbmpi
