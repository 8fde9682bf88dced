#pragma once

#include <algorithm>
#include <cstdint>

#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// Local. Steps of an epoch over `rows` rows, the last of which takes the rest of them.
[[nodiscard]] constexpr std::uint64_t steps_of_epoch(const OptimizationOptions& options, std::uint64_t rows) noexcept {
  return (rows + options.batch_size - 1) / options.batch_size;
}

/// Local. Steps of a whole training.
[[nodiscard]] constexpr std::uint64_t steps_of_training(const OptimizationOptions& options,
                                                        std::uint64_t rows) noexcept {
  return options.updates > 0 ? options.updates : steps_of_epoch(options, rows) * options.epochs;
}

/// Local. Its epochs, the last of which may end in the middle.
[[nodiscard]] constexpr std::uint64_t epochs_of_training(const OptimizationOptions& options,
                                                         std::uint64_t rows) noexcept {
  if (options.updates == 0) return options.epochs;
  const std::uint64_t steps = steps_of_epoch(options, rows);
  return options.updates / steps + (options.updates % steps > 0 ? 1 : 0);
}

/// Local. Rows that it takes, those of all epochs together.
[[nodiscard]] constexpr double rows_of_training(const OptimizationOptions& options, std::uint64_t rows) noexcept {
  if (options.updates == 0) return static_cast<double>(options.epochs) * static_cast<double>(rows);
  const std::uint64_t steps = steps_of_epoch(options, rows);
  const std::uint64_t whole_epochs = options.updates / steps;
  return static_cast<double>(whole_epochs) * static_cast<double>(rows) +
         static_cast<double>(std::min(options.updates % steps * options.batch_size, rows));
}

}  // namespace rbmpi
