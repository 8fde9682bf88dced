#pragma once

#include <cstddef>
#include <cstdint>

#include "rbmpi/data/row_source.hpp"
#include "rbmpi/data/samples.hpp"

namespace rbmpi {

/// Samples in memory by their values that are not 0 (CSR): those of row i are [ends[i - 1], ends[i]), from 0 on. A
/// view, taken as Rows.
struct SparseSamples {
  ElementType type = ElementType::uint8;  ///< uint8, float32 or float64
  double scale = 255.0;
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  const std::uint64_t* ends = nullptr;   ///< of each row
  const std::int32_t* units = nullptr;   ///< the column of each value, rising within a row
  const std::byte* values = nullptr;     ///< in the stored type
  const std::int32_t* labels = nullptr;  ///< the class of each row, or nothing

  [[nodiscard]] std::uint64_t begin(std::uint64_t row) const noexcept { return row == 0 ? 0 : ends[row - 1]; }
};

/// Local. Rows [first, first + count) as a dense file would hold them.
void to_stored(const SparseSamples& samples, std::uint64_t first, std::uint64_t count, std::byte* values) noexcept;

/// Local. `samples` as rows; their memory must live on.
[[nodiscard]] Rows rows_of(const SparseSamples& samples);

}  // namespace rbmpi
