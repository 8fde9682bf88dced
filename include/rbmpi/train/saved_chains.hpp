#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/train/checkpoint.hpp"

namespace rbmpi {

/// The visible states of persistent chains, as a checkpoint keeps them. Move-only.
struct SavedChains {
  std::uint64_t chains = 0;
  std::size_t units = 0;
  AlignedBuffer<std::uint64_t> states;

  /// chains x V.
  [[nodiscard]] ConstBitMatrixView view() const noexcept { return {states.data(), chains, units}; }
};

/// Local. Those of the layer that the checkpoint has in work; nothing if it has none, or an estimator of one's own
/// keeps something else by their name.
[[nodiscard]] std::optional<SavedChains> chains_of(const Checkpoint& checkpoint);

}  // namespace rbmpi
