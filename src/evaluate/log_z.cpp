#include "rbmpi/evaluate/log_z.hpp"

#include <utility>

#include "rbmpi/evaluate/exact_partition.hpp"
#include "rbmpi/evaluate/temperatures.hpp"

namespace rbmpi {

FoundLogZ find_log_z(RbmView<const Real> rbm, bool exact, const AisSettings& ais, const Rows& samples,
                     const BinaryRows& rows, const Communicator& world, const ProgressReport& progress) {
  if (exact) return {.log_z = exact_log_partition(rbm, world, progress), .estimate = {}, .base_bias = {}};
  std::vector<Real> base = base_visible_bias(unit_means(samples, rows, world));
  LogPartition estimate = annealed_importance_sampling(rbm, base, ais, world, progress);
  const double log_z = estimate.log_z;
  return {.log_z = log_z, .estimate = std::move(estimate), .base_bias = std::move(base)};
}

std::uint64_t log_z_memory(RbmShape shape, bool exact, const AisSettings& ais, int ranks) {
  if (exact) return enumeration_memory(shape);
  const std::size_t temperatures =
      ais.temperatures.empty() ? parse_temperatures(default_temperatures).size() : ais.temperatures.size();
  return annealing_memory(shape, ais.chains, temperatures, ranks);
}

}  // namespace rbmpi
