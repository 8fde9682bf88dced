#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace rbmpi {

/// 128 bits that tell accidental changes of memory (XXH3): as fast as memory can be read, and no protection against
/// intent; for that there is SHA-256.
using Checksum = std::array<std::uint64_t, 2>;

/// Local. The checksum of some bytes. That of several pieces: give that of the first as `seed` to the next.
[[nodiscard]] Checksum checksum(std::span<const std::byte> bytes, const Checksum& seed = {});

}  // namespace rbmpi
