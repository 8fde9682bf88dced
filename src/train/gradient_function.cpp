#include "rbmpi/train/gradient_function.hpp"

namespace rbmpi {

void BatchGradient::combine(std::size_t /*array*/, Shard /*rows*/, std::size_t /*thread*/, const PhaseSums& sums,
                            std::span<Real> data, std::span<const Real> model) {
  const Real of_data = sums.shares[0] * sums.mean_weight;
  const Real of_model = sums.shares[1] * sums.mean_weight;
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = data[i] * of_data - model[i] * of_model;
}

}  // namespace rbmpi
