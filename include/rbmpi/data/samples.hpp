#pragma once

#include <cstddef>
#include <cstdint>

#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {

class RowMaker;

/// Samples in memory in the type in which they are stored: rows x columns, row-major, without gaps. The value `scale`
/// means 1.0, so the probability of unit j in row i is value(i, j) / scale. A view: it owns nothing. Or samples that
/// are not in memory, but made when they are asked for (data/row_maker.hpp): float32 with scale 1.
struct Samples {
  ElementType type = ElementType::uint8;  ///< uint8, float32 or float64
  const std::byte* values = nullptr;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  double scale = 255.0;
  const std::int32_t* labels = nullptr;  ///< the class of each row, or nothing
  RowMaker* maker = nullptr;             ///< if the rows are made; then `values` are none
  std::uint64_t first_made = 0;          ///< the maker's number of the first row

  [[nodiscard]] std::size_t row_bytes() const noexcept { return columns * element_size(type); }
  [[nodiscard]] const std::byte* row(std::uint64_t index) const noexcept { return values + index * row_bytes(); }
  /// The rows [first, first + count).
  [[nodiscard]] Samples part(std::uint64_t first, std::uint64_t count) const noexcept {
    const std::byte* const begin = maker == nullptr ? row(first) : nullptr;
    const std::int32_t* const classes = labels == nullptr ? nullptr : labels + first;
    return {type, begin, count, columns, scale, classes, maker, first_made + first};
  }
};

}  // namespace rbmpi
