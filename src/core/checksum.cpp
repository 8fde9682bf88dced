#include "rbmpi/core/checksum.hpp"

#include <xxhash.h>

namespace rbmpi {

Checksum checksum(std::span<const std::byte> bytes, const Checksum& seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed[0] ^ seed[1]);
  return {hash.low64, hash.high64};
}

}  // namespace rbmpi
