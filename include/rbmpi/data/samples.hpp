#pragma once

#include <cstddef>
#include <cstdint>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {

/// Samples in memory in the type in which they are stored: rows x columns, row-major, without gaps. The value `scale`
/// means 1.0, so the probability of unit j in row i is value(i, j) / scale. A view: it owns nothing. What reads rows of
/// any kind takes it as Rows (data/row_source.hpp).
struct Samples {
  ElementType type = ElementType::uint8;  ///< uint8, float32 or float64
  const std::byte* values = nullptr;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  double scale = 255.0;
  const std::int32_t* labels = nullptr;  ///< the class of each row, or nothing

  [[nodiscard]] std::size_t row_bytes() const noexcept { return columns * element_size(type); }
  [[nodiscard]] const std::byte* row(std::uint64_t index) const noexcept { return values + index * row_bytes(); }
  /// The rows [first, first + count).
  [[nodiscard]] Samples part(std::uint64_t first, std::uint64_t count) const noexcept {
    return {type, row(first), count, columns, scale, labels == nullptr ? nullptr : labels + first};
  }
};

/// Local. The probabilities of one row of samples, value / scale, rounded for exact sums (core/kernels.hpp).
void row_probabilities(const Samples& samples, const std::byte* row, ProbabilityRounding rounding, Real* probabilities);

}  // namespace rbmpi
