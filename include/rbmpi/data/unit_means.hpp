#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "rbmpi/data/row_source.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// Adds row `row` of a block, whose first row has the number `first` in the data, to the sums of the units [V], in
/// units of 2^-24.
using AddRow =
    std::function<void(const RowReader& block, std::uint64_t first, std::uint64_t row, std::span<std::int64_t> sums)>;

/// Collective. The mean of each unit over all rows, by exact sums. Throws what `add_row` throws, as an AgreedError, and
/// an AgreedError(Failure::interrupted) after a signal.
[[nodiscard]] std::vector<double> unit_means(const Rows& rows, const AddRow& add_row, const Communicator& world);

}  // namespace rbmpi
