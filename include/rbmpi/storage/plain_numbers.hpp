#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "rbmpi/core/system.hpp"
#include "rbmpi/storage/numpy_header.hpp"

namespace rbmpi {

// Numbers as they lie in files, one behind the other. All of it is Local.

/// IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of fraction.
[[nodiscard]] float from_half(std::uint16_t bits) noexcept;

/// As many doubles as `values` has room for, from the bytes of numbers of this type. Throws std::invalid_argument for
/// an integer beyond 2^53, which no double holds, and for a truth value that is neither 0 nor 1.
void to_doubles(const std::byte* bytes, NumpyType type, bool big_endian, std::span<double> values);

/// Bytes of one element.
[[nodiscard]] std::size_t size_of(NumpyType type) noexcept;

/// Fills `bytes` from this place of a file. Throws Error(Failure::file).
using BytesAt = std::function<void(std::uint64_t place, std::span<std::byte> bytes)>;

/// Reads at a place of an open file. False if the file ends before.
[[nodiscard]] bool read_at(const Descriptor& file, std::uint64_t place, std::span<std::byte> bytes);

}  // namespace rbmpi
