#include "rbmpi/train/saved_chains.hpp"

#include <algorithm>
#include <cstring>

#include "train/persistent_chains.hpp"

namespace rbmpi {

std::optional<SavedChains> chains_of(const Checkpoint& checkpoint) {
  const auto found = std::ranges::find(checkpoint.arrays, visible_chains, &SavedState::Array::name);
  if (found == checkpoint.arrays.end() || checkpoint.model.layers.empty()) return std::nullopt;
  const std::size_t units = checkpoint.model.layers.at(checkpoint.progress.layer).shape().visible;
  const std::size_t bytes = words_for(units) * sizeof(std::uint64_t);
  if (found->type != ElementType::uint8 || found->columns != bytes) return std::nullopt;
  SavedChains saved{.chains = found->rows, .units = units, .states = {}};
  saved.states = AlignedBuffer<std::uint64_t>(found->rows * words_for(units));
  std::memcpy(saved.states.data(), found->values.data(), found->rows * bytes);
  return saved;
}

}  // namespace rbmpi
