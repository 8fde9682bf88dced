#pragma once

#include <cstdint>

#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// Local. Steps of an epoch over `rows` rows, the last of which takes the rest of them.
[[nodiscard]] constexpr std::uint64_t steps_of_epoch(const OptimizationOptions& options, std::uint64_t rows) noexcept {
  return (rows + options.batch_size - 1) / options.batch_size;
}

}  // namespace rbmpi
