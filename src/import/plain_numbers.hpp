#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "import/array_table.hpp"
#include "rbmpi/storage/byte_source.hpp"
#include "rbmpi/storage/plain_numbers.hpp"

namespace rbmpi {

/// How an array lies in a file: numbers one behind the other.
struct PlainArray {
  std::filesystem::path file;  ///< for messages, as is the name
  std::string name;
  NumpyType type = NumpyType::float32;
  bool big_endian = false;
  std::uint64_t slowest = 0;  ///< extent of the dimension whose index changes last in the file
  std::uint64_t fastest = 0;  ///< and of that whose index changes first
  std::uint64_t elements = 0;
};

/// Local. Reads such an array: `in_order` gives its bytes from their first on, `anywhere` in any order; each is asked
/// for once, if it is needed.
[[nodiscard]] std::unique_ptr<NumberReader> read_plain(PlainArray array, const std::function<BytesAt()>& in_order,
                                                       const std::function<BytesAt()>& anywhere);

/// Local. The extents of an array of this shape, for PlainArray.
void set_extents(PlainArray& plain, const StoredArray& array);

/// Local. The type as a dataset may have it.
[[nodiscard]] ElementType element_of(NumpyType type) noexcept;

/// Local. The array that begins at `front` of a file, which is opened anew, plain or packed, and is the last in it.
[[nodiscard]] BytesAt array_in_order(const std::filesystem::path& path, std::uint64_t front, std::uint64_t bytes);
/// The same, of an unpacked copy, or of the file itself.
[[nodiscard]] BytesAt array_anywhere(const std::filesystem::path& path, std::uint64_t front);

}  // namespace rbmpi
