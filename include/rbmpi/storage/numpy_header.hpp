#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rbmpi {

/// What an array may hold that can be read as a number.
enum class NumpyType { boolean, float16, float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64 };

/// What the text at the front of an .npy file says of its array.
struct NumpyHeader {
  NumpyType type = NumpyType::float32;
  bool numbers = true;            ///< else `type` says nothing
  char texts = '\0';              ///< 'S', texts of bytes, or 'U', of 4 bytes for each character; else '\0'
  std::string type_name;          ///< for people: "float32", "texts", "Python objects"
  std::size_t element_bytes = 4;  ///< 0 if that is not known
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

/// Local. Reads the front of an .npy file. `read` fills what it is given, or throws. Throws std::invalid_argument.
[[nodiscard]] NumpyHeader read_numpy_header(const std::function<void(std::span<std::byte>)>& read);

/// Local. How many elements an array has that lies in so many bytes, to the byte. Throws std::invalid_argument.
[[nodiscard]] std::uint64_t checked_elements(const NumpyHeader& header, std::uint64_t bytes);

/// Local. What refuses an array that has no numbers.
[[nodiscard]] std::string no_numbers(const NumpyHeader& header);

}  // namespace rbmpi
