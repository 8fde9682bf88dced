#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rbmpi {

/// What an array may hold that can be read as float32.
enum class NumpyType { float16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64 };

/// What the text at the front of an .npy file says of its array.
struct NumpyHeader {
  NumpyType type = NumpyType::float32;
  std::size_t element_bytes = 4;
  bool big_endian = false;
  bool column_major = false;
  std::vector<std::uint64_t> shape;
};

/// Local. The front of a version 1.0 .npy file of float32, a multiple of 64 bytes.
[[nodiscard]] std::string numpy_header(const std::vector<std::uint64_t>& shape);

/// Local. Reads the text, a Python dictionary such as
///   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
/// Throws std::invalid_argument with what is wrong with it.
[[nodiscard]] NumpyHeader parse_numpy_header(std::string_view text);

}  // namespace rbmpi
