#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace rbmpi {

/// Words of 64 bits that hold `columns` states.
[[nodiscard]] constexpr std::size_t words_for(std::size_t columns) noexcept {
  return (columns + 63) / 64;
}

/// A view of `rows` x `columns` states of zeros and ones: unit j of a row is bit j % 64 of its word j / 64; the bits
/// behind the last unit are 0. It owns nothing.
template <typename Word>
struct BasicBitMatrixView {
  Word* words = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;

  [[nodiscard]] std::size_t row_words() const noexcept { return words_for(columns); }
  [[nodiscard]] Word* row(std::size_t index) const noexcept { return words + index * row_words(); }
  [[nodiscard]] bool at(std::size_t index, std::size_t column) const noexcept {
    return (row(index)[column / 64] >> (column % 64) & 1U) != 0;
  }
  void turn_on(std::size_t index, std::size_t column) const noexcept {
    row(index)[column / 64] |= std::uint64_t{1} << (column % 64);
  }
  // A view of states that may be written serves where they are only read.
  // NOLINTNEXTLINE(google-explicit-constructor): as std::span does
  operator BasicBitMatrixView<const Word>() const noexcept { return {words, rows, columns}; }
};

using BitMatrixView = BasicBitMatrixView<std::uint64_t>;
using ConstBitMatrixView = BasicBitMatrixView<const std::uint64_t>;

/// Calls body(unit) for the units that are on in a row, in their order.
template <typename Body>
void for_each_unit_on(ConstBitMatrixView states, std::size_t row, const Body& body) {
  for (std::size_t word = 0; word < states.row_words(); ++word) {
    for (std::uint64_t rest = states.row(row)[word]; rest != 0; rest &= rest - 1) {
      body(64 * word + static_cast<std::size_t>(std::countr_zero(rest)));
    }
  }
}

}  // namespace rbmpi
