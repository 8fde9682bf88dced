#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "rbmpi/core/progress_report.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/evaluate/annealed_importance_sampling.hpp"
#include "rbmpi/evaluate/binary_rows.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// log Z of a model, in nats, exact or estimated.
struct FoundLogZ {
  double log_z = 0;
  std::optional<LogPartition> estimate;  ///< by AIS; nothing if log Z is exact
  std::vector<Real> base_bias;           ///< of the base model of AIS

  [[nodiscard]] double standard_error() const noexcept { return estimate ? estimate->standard_error : 0; }
};

/// Collective. log Z by enumeration if `exact` (which `can_enumerate` must allow), else by AIS from a base model with
/// the means of the units in `samples`, read as `rows` says. Throws what exact_log_partition, unit_means and
/// annealed_importance_sampling throw.
[[nodiscard]] FoundLogZ find_log_z(RbmView<const Real> rbm, bool exact, const AisSettings& ais, const Rows& samples,
                                   const BinaryRows& rows, const Communicator& world,
                                   const ProgressReport& progress = {});

/// Local. Bytes that it needs on one of `ranks` ranks.
[[nodiscard]] std::uint64_t log_z_memory(RbmShape shape, bool exact, const AisSettings& ais, int ranks);

}  // namespace rbmpi
