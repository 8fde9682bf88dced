#include "rbmpi/storage/plain_numbers.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include <fmt/format.h>
#include <unistd.h>

namespace rbmpi {
namespace {

template <typename Value>
void convert(const std::byte* bytes, bool big_endian, std::span<double> values) {
  constexpr double most = 9007199254740992.0;  // 2^53
  for (double& value : values) {
    std::array<std::byte, sizeof(Value)> ordered{};
    std::memcpy(ordered.data(), bytes, sizeof(Value));
    bytes += sizeof(Value);
    if (big_endian) std::ranges::reverse(ordered);
    const auto number = std::bit_cast<Value>(ordered);
    value = static_cast<double>(number);
    if constexpr (std::is_integral_v<Value> && sizeof(Value) == sizeof(double)) {
      if (value >= -most && value <= most && static_cast<Value>(value) == number) continue;
      throw std::invalid_argument(fmt::format(
          "has the integer {}; integers from -2^53 to 2^53, which a double can hold, would be right", number));
    }
  }
}

void convert_halves(const std::byte* bytes, bool big_endian, std::span<double> values) {
  convert<std::uint16_t>(bytes, big_endian, values);
  for (double& value : values) value = static_cast<double>(from_half(static_cast<std::uint16_t>(value)));
}

void convert_truths(const std::byte* bytes, std::span<double> values) {
  convert<std::uint8_t>(bytes, false, values);
  const auto wrong = std::ranges::find_if(values, [](double value) { return value > 1.0; });
  if (wrong != values.end()) {
    throw std::invalid_argument(fmt::format("has the truth value {}; 0 or 1 would be right", *wrong));
  }
}

}  // namespace

float from_half(std::uint16_t bits) noexcept {
  const auto exponent = static_cast<int>(bits >> 10U & 0x1FU);
  const auto fraction = static_cast<int>(bits & 0x3FFU);
  float value = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                              : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
  if (exponent == 31) {
    value = fraction == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
  }
  return (bits & 0x8000U) == 0 ? value : -value;
}

void to_doubles(const std::byte* bytes, NumpyType type, bool big_endian, std::span<double> values) {
  switch (type) {
    case NumpyType::boolean:
      return convert_truths(bytes, values);
    case NumpyType::float16:
      return convert_halves(bytes, big_endian, values);
    case NumpyType::float32:
      return convert<float>(bytes, big_endian, values);
    case NumpyType::float64:
      return convert<double>(bytes, big_endian, values);
    case NumpyType::int8:
      return convert<std::int8_t>(bytes, big_endian, values);
    case NumpyType::int16:
      return convert<std::int16_t>(bytes, big_endian, values);
    case NumpyType::int32:
      return convert<std::int32_t>(bytes, big_endian, values);
    case NumpyType::int64:
      return convert<std::int64_t>(bytes, big_endian, values);
    case NumpyType::uint8:
      return convert<std::uint8_t>(bytes, big_endian, values);
    case NumpyType::uint16:
      return convert<std::uint16_t>(bytes, big_endian, values);
    case NumpyType::uint32:
      return convert<std::uint32_t>(bytes, big_endian, values);
    case NumpyType::uint64:
      return convert<std::uint64_t>(bytes, big_endian, values);
  }
}

std::size_t size_of(NumpyType type) noexcept {
  switch (type) {
    case NumpyType::boolean:
    case NumpyType::int8:
    case NumpyType::uint8:
      return 1;
    case NumpyType::float16:
    case NumpyType::int16:
    case NumpyType::uint16:
      return 2;
    case NumpyType::float32:
    case NumpyType::int32:
    case NumpyType::uint32:
      return 4;
    default:
      return 8;
  }
}

bool read_at(const Descriptor& file, std::uint64_t place, std::span<std::byte> bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t some =
        ::pread(file.number(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(place + done));
    if (some < 0 && errno == EINTR) continue;
    if (some <= 0) return false;
    done += static_cast<std::size_t>(some);
  }
  return true;
}

}  // namespace rbmpi
