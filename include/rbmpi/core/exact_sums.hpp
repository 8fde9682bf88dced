#pragma once

#include <cstddef>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/real.hpp"

namespace rbmpi {

/// Single precision holds every integer up to 2^24: sums of grid numbers are exact as long as they stay below 2^24
/// quanta.
inline constexpr int exact_bits = 24;
/// Probabilities on the grid of single values: for sums that have more room.
inline constexpr ProbabilityRounding finest{.exact = true, .grid = {exact_bits}};

/// The finest grid for probabilities of which `samples` are added up exactly: exponent k, samples * 2^k <= 2^24.
/// Batches beyond 4096 samples keep k = 12; their sums are formed in parts and added in double precision
/// (docs/numerics.md).
[[nodiscard]] Grid probability_grid(std::size_t samples) noexcept;
inline constexpr std::size_t largest_single_precision_batch = 4096;

/// The finest grid (exponent q, at most 24) on which any sum of some of `terms` weights is exact, if the sum of their
/// ceil(2^8 |w|) is at most `norm`: norm * 2^(q - 8) + terms / 2 <= 2^24. A negative exponent means that the weights
/// are too large for exact sums of any use.
[[nodiscard]] Grid weight_grid(Real norm, std::size_t terms) noexcept;

}  // namespace rbmpi
