#include "train/kept_chains.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "train/persistent_chains.hpp"

namespace rbmpi {
namespace {

template <typename Array>
bool are_visible_states(const Array& array, RbmShape shape) noexcept {
  return shape.visible_unit->logistic && array.type == ElementType::uint8 &&
         array.columns == sizeof(std::uint64_t) * words_for(shape.visible);
}

template <typename Array>
ChainStates chains_among(std::span<const Array> arrays, RbmShape shape) {
  const auto found = std::ranges::find(arrays, std::string(visible_chains), &Array::name);
  if (found == arrays.end() || !are_visible_states(*found, shape) ||
      found->values.size() != found->rows * found->columns) {
    return {};
  }
  ChainStates chains(found->rows, shape.visible);
  if (chains.rows == 0) return {};
  std::memcpy(chains.words.data(), found->values.data(), found->values.size());
  // Bits behind the last unit are 0 in what a training writes; a file may have any.
  const std::size_t used = shape.visible % 64;
  const BitMatrixView view = chains.view();
  for (std::size_t row = 0; used > 0 && row < view.rows; ++row) {
    view.row(row)[view.row_words() - 1] &= (std::uint64_t{1} << used) - 1;
  }
  return chains;
}

}  // namespace

ChainStates kept_chains(std::span<const SavedState::Array> arrays, RbmShape shape) {
  return chains_among(arrays, shape);
}

ChainStates kept_chains(std::span<const StateArray> arrays, RbmShape shape) {
  return chains_among(arrays, shape);
}

bool has_visible_states(const StateArray& array, RbmShape shape) noexcept {
  return array.is_shared_out && are_visible_states(array, shape);
}

}  // namespace rbmpi
