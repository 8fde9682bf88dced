#pragma once

#include <cstddef>
#include <cstdint>

#include "rbmpi/core/random.hpp"
#include "rbmpi/core/real.hpp"

namespace rbmpi::test {

/// A state of a unit: whether a number of 32 random bits, the high 8 from `block` and the others from `refinement`, is
/// below p * 2^32.
inline Real draw(Real p, const RandomStream& stream, std::size_t unit) {
  const std::uint32_t four_bytes = stream.block(static_cast<std::uint32_t>(unit / 16))[unit % 16 / 4];
  const std::uint32_t high = (four_bytes >> (unit % 4 * 8)) & 0xFFU;
  const std::uint32_t low = stream.refinement(static_cast<std::uint32_t>(unit / 4))[unit % 4] >> 8U;
  const std::uint32_t number = (high << 24U) | low;
  return static_cast<double>(number) < static_cast<double>(p) * 0x1p32 ? 1.0F : 0.0F;
}

}  // namespace rbmpi::test
