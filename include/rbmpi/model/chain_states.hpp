#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {

/// Visible states of an RBM that sample it, n x V zeros and ones: the persistent chains that a training left. Their h
/// is not kept, as p(h | v) is known exactly.
struct ChainStates {
  ChainStates() = default;
  /// All zeros.
  ChainStates(std::uint64_t chains, std::size_t visible)
      : rows(chains), columns(visible), words(chains * words_for(visible)) {}

  [[nodiscard]] BitMatrixView view() noexcept { return {words.data(), rows, columns}; }
  [[nodiscard]] ConstBitMatrixView view() const noexcept { return {words.data(), rows, columns}; }
  friend bool operator==(const ChainStates&, const ChainStates&) = default;

  std::uint64_t rows = 0;  ///< chains; 0: none
  std::size_t columns = 0;
  std::vector<std::uint64_t> words;
};

/// Chains of some layers of a stack, by the numbers of the layers, from 0.
using ChainsOfLayers = std::map<std::size_t, ChainStates>;

// Such states as an array [n x V] of zeros and ones in a file, which they go to and come from in pieces. Every function
// is Local.

/// Writes a new array of this type, uint8 or float32, of one row or more. `deflate`: 1 to 9, in chunks; 0: as it is.
void write_chains(Hdf5File& file, const std::string& name, ElementType type, ConstBitMatrixView states,
                  int deflate = 0);

/// Throws Error(Failure::file), naming the array, unless it has two dimensions, a row or more, and `visible` columns,
/// of integers or of float32 or float64, and Error(Failure::other) if there is too little memory for its states.
/// Returns its rows.
std::uint64_t check_chains(const Hdf5File& file, const std::string& name, std::size_t visible);

/// The states; throws what `check_chains` throws, and Error(Failure::file) for a value that is neither 0 nor 1, with
/// its place.
[[nodiscard]] ChainStates read_chains(const Hdf5File& file, const std::string& name, std::size_t visible);

/// Whether an array holds these states; throws what `read_chains` throws.
[[nodiscard]] bool holds_chains(const Hdf5File& file, const std::string& name, const ChainStates& states);

}  // namespace rbmpi
