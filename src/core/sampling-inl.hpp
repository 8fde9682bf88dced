// Random states in vectors: Philox 4x32-10, many blocks at a time, the same bits as RandomStream::block, and what is
// made of them. No include guard: each kernel file includes it once, and Highway compiles that file once for each
// instruction set.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <hwy/highway.h>

#include "core/masks-inl.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/core/real.hpp"

HWY_BEFORE_NAMESPACE();
namespace rbmpi::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Random bytes are made in groups of at most so many: of 16 blocks, two vectors of them with AVX-512, four with AVX2.
inline constexpr std::size_t random_group = 256;

#if HWY_TARGET != HWY_SCALAR
/// Philox 4x32-10 of vectors of blocks, one to a lane of 64 bits, each of its four words in the low half of a vector's
/// lane. What is left in the high half by a round is seen neither by the products of the next, which are of low halves,
/// nor by exclusive or.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void philox(D d, const RandomStream::Key& key, V& word_0, V& word_1, V& word_2, V& word_3) {
  const hn::Repartition<std::uint32_t, D> d32;
  constexpr std::uint32_t multiplier_0 = 0xD2511F53U;
  constexpr std::uint32_t multiplier_1 = 0xCD9E8D57U;
  const auto times = [&](V a, std::uint32_t b) HWY_ATTR { return hn::MulEven(hn::BitCast(d32, a), hn::Set(d32, b)); };
  std::uint32_t key_0 = key[0];
  std::uint32_t key_1 = key[1];
  for (int round = 0; round < 10; ++round) {
    const V product_0 = times(word_0, multiplier_0);
    const V product_1 = times(word_2, multiplier_1);
    word_0 = hn::Xor(hn::Xor(hn::ShiftRight<32>(product_1), word_1), hn::Set(d, key_0));
    word_2 = hn::Xor(hn::Xor(hn::ShiftRight<32>(product_0), word_3), hn::Set(d, key_1));
    word_1 = product_1;
    word_3 = product_0;
    key_0 += 0x9E3779B9U;
    key_1 += 0xBB67AE85U;
  }
}
#endif

/// bytes[16 b + k] = byte k of stream.block(first_block + b), for at least `count` bytes of a group.
HWY_INLINE void random_bytes(const RandomStream& stream, std::uint32_t first_block, std::size_t count,
                             std::uint8_t* bytes) {
#if HWY_TARGET == HWY_SCALAR
  for (std::uint32_t block = 0; 16 * block < count; ++block) {
    const RandomStream::Block bits = stream.block(first_block + block);
    std::memcpy(bytes + std::size_t{16} * block, bits.data(), 16);
  }
#else
  const hn::CappedTag<std::uint64_t, 8> d;
  using V = hn::Vec<decltype(d)>;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t block = 0; 16 * block < count; block += lanes) {
    V word_0 = hn::Add(hn::Iota(d, 0), hn::Set(d, stream.counter()[0] + first_block + block));
    V word_1 = hn::Set(d, stream.counter()[1]);
    V word_2 = hn::Set(d, stream.counter()[2]);
    V word_3 = hn::Set(d, stream.counter()[3]);
    philox(d, stream.key(), word_0, word_1, word_2, word_3);
    const V low = hn::Set(d, 0xFFFFFFFFU);
    const V half_0 = hn::Or(hn::And(word_0, low), hn::ShiftLeft<32>(word_1));
    const V half_1 = hn::Or(hn::And(word_2, low), hn::ShiftLeft<32>(word_3));
    hn::StoreInterleaved2(half_0, half_1, d, reinterpret_cast<std::uint64_t*>(bytes + 16 * block));
  }
#endif
}

/// The lowest bits of a word as zeros and ones.
template <class D>
HWY_INLINE hn::Vec<D> states_in(D d, std::uint64_t bits) {
  std::uint8_t stored[8];
  std::memcpy(stored, &bits, sizeof(bits));
  return hn::IfThenElseZero(hn::LoadMaskBits(d, stored), hn::Set(d, hn::TFromD<D>{1}));
}

/// The part of 256 u behind the point, of the random number u in [0, 1) of a unit: 24 bits. Its whole part is the byte.
inline Real refined(const RandomStream& stream, std::size_t unit) {
  const auto low = stream.refinement(static_cast<std::uint32_t>(unit / 4))[unit % 4] >> 8;
  return static_cast<Real>(low) * 0x1p-24F;
}

/// Bytes as the numbers of a vector.
template <class D>
HWY_INLINE hn::Vec<D> load_numbers(D d, const std::uint8_t* bytes) {
  const hn::RebindToSigned<D> di;
  const hn::Rebind<std::uint8_t, D> du8;
  return hn::ConvertTo(d, hn::PromoteTo(di, hn::LoadU(du8, bytes)));
}

/// The states, as bits, of vectors of units with probabilities p, the first of which is `unit`; `bytes` are their
/// random bytes.
template <class D, std::size_t count, class V = hn::Vec<D>>
HWY_INLINE std::uint64_t draw(D d, const V (&p)[count], const std::uint8_t* bytes, const RandomStream& stream,
                              std::size_t unit) {
  const std::size_t lanes = hn::Lanes(d);
  static_assert(count * hn::MaxLanes(D()) <= 64);
  std::uint64_t on = 0;
  std::uint64_t not_off = 0;
  V scaled[count];
  for (std::size_t k = 0; k < count; ++k) {
    scaled[k] = hn::Mul(p[k], hn::Set(d, 256.0F));
    const V drawn = load_numbers(d, bytes + k * lanes);
    on |= mask_bits(d, hn::Ge(scaled[k], hn::Add(drawn, hn::Set(d, 1.0F)))) << (k * lanes);
    not_off |= mask_bits(d, hn::Ge(scaled[k], drawn)) << (k * lanes);
  }
  // The byte decides unless it is the whole part of 256 p.
  std::uint64_t ties = not_off ^ on;
  if (HWY_UNLIKELY(ties != 0)) {
    alignas(64) Real all_scaled[count * hn::MaxLanes(D())];
    for (std::size_t k = 0; k < count; ++k) hn::Store(scaled[k], d, all_scaled + k * lanes);
    for (; ties != 0; ties &= ties - 1) {
      const auto lane = static_cast<std::size_t>(std::countr_zero(ties));
      const Real fraction = all_scaled[lane] - std::floor(all_scaled[lane]);
      on |= std::uint64_t{refined(stream, unit + lane) < fraction} << lane;
    }
  }
  return on;
}

}  // namespace rbmpi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
