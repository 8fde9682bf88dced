#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "rbmpi/data/row_source.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// The values [V] of row `row` of a block, whose first row has the number `first` in the data: within [-1, 1].
using ReadRow =
    std::function<void(const RowReader& block, std::uint64_t first, std::uint64_t row, std::span<double> values)>;

/// Collective. The mean of each unit over all rows, weighted if they have weights, by exact sums (docs/numerics.md).
/// Throws what `read_row` throws, as an AgreedError, an AgreedError(Failure::file) if all rows have weight 0, and an
/// AgreedError(Failure::interrupted) after a signal.
[[nodiscard]] std::vector<double> unit_means(const Rows& rows, const ReadRow& read_row, const Communicator& world);

}  // namespace rbmpi
