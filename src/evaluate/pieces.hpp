#pragma once

#include <cstddef>
#include <cstdint>

namespace rbmpi {

/// Rows whose products are formed together.
inline constexpr std::size_t product_rows = 256;
/// Bytes of the rows of a result that the ranks bring together at a time.
inline constexpr std::uint64_t piece_bytes = std::uint64_t{16} << 20U;

}  // namespace rbmpi
