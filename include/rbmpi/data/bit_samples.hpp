#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/data/samples.hpp"

namespace rbmpi {

/// Samples of zeros and ones in memory, a bit each: what is `scale` in the stored type is 1. A view, taken as Rows.
struct BitSamples {
  ElementType type = ElementType::uint8;  ///< as stored in the file
  double scale = 255.0;
  ConstBitMatrixView bits;               ///< rows x columns
  const std::int32_t* labels = nullptr;  ///< the class of each row, or nothing
};

/// Local. Whether samples of this type and scale can be bits: `scale` is a value of the type, and divided by itself 1.
[[nodiscard]] bool can_be_bits(ElementType type, double scale) noexcept;
/// Local. The rows as bits; false as soon as one of the values is neither 0 nor the scale. `can_be_bits` holds.
[[nodiscard]] bool to_bits(const Samples& samples, BitMatrixView bits) noexcept;
/// Local. Rows [first, first + count) as they are stored in the file.
void to_stored(const BitSamples& samples, std::uint64_t first, std::uint64_t count, std::byte* values) noexcept;

/// Local. `samples` as rows; their memory must live on.
[[nodiscard]] Rows rows_of(const BitSamples& samples);

}  // namespace rbmpi
