// Masks of vectors as bits. No include guard: each kernel file includes it once, and Highway compiles that file once
// for each instruction set.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rbmpi::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// The lanes of a mask as bits, lane 0 lowest.
template <class D, class M>
HWY_INLINE std::uint64_t mask_bits(D d, M mask) {
  constexpr std::size_t bytes = (hn::MaxLanes(D()) + 7) / 8;
  std::uint8_t stored[8] = {};  // as many as StoreMaskBits may write
  hn::StoreMaskBits(d, mask, stored);
  std::conditional_t<
      bytes == 1, std::uint8_t,
      std::conditional_t<bytes == 2, std::uint16_t, std::conditional_t<bytes == 4, std::uint32_t, std::uint64_t>>>
      bits;
  std::memcpy(&bits, stored, sizeof(bits));  // no more bytes than were stored: so it stays in registers
  return bits;
}

}  // namespace rbmpi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
