// What the element-wise kernels share: sequences of IEEE operations, the same for every length of vector. No include
// guard: each kernel file includes it once, and Highway compiles that file once for each instruction set.

#include <cmath>
#include <cstddef>
#include <type_traits>

#include <hwy/highway.h>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/real.hpp"

HWY_BEFORE_NAMESPACE();
namespace rbmpi::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Vectors that go through long formulas side by side: one of them spends most of its time waiting for itself.
inline constexpr std::size_t vectors_at_once = 4;

/// Calls body(tag, i) for vectors that cover [0, count): the longest first (of `most_lanes`), then 4, then 1. The
/// operations are the same, so an element does not feel which vector it was in.
template <std::size_t most_lanes = 16, class Body>
HWY_INLINE void for_each_vector(std::size_t count, const Body& body) {
  const hn::CappedTag<Real, most_lanes> longest;
  const hn::CappedTag < Real, most_lanes<4 ? most_lanes : 4> four;
  const hn::CappedTag<Real, 1> one;
  std::size_t i = 0;
  for (; i + hn::Lanes(longest) <= count; i += hn::Lanes(longest)) body(longest, i);
  for (; i + hn::Lanes(four) <= count; i += hn::Lanes(four)) body(four, i);
  for (; i < count; ++i) body(one, i);
}

/// The same with body(tag, i, n), n a constant, for n vectors from element i on: `vectors_at_once` of the longest,
/// then 1.
template <class Body>
HWY_INLINE void for_each_vectors(std::size_t count, const Body& body) {
  const hn::CappedTag<Real, 16> longest;
  const hn::CappedTag<Real, 4> four;
  const hn::CappedTag<Real, 1> one;
  constexpr std::integral_constant<std::size_t, 1> single;
  constexpr std::integral_constant<std::size_t, vectors_at_once> several;
  std::size_t i = 0;
  for (; i + several * hn::Lanes(longest) <= count; i += several * hn::Lanes(longest)) body(longest, i, several);
  for (; i + hn::Lanes(longest) <= count; i += hn::Lanes(longest)) body(longest, i, single);
  for (; i + hn::Lanes(four) <= count; i += hn::Lanes(four)) body(four, i, single);
  for (; i < count; ++i) body(one, i, single);
}

/// The two factors 2^k and 2^-k of rounding to a grid.
struct GridFactors {
  explicit GridFactors(Grid grid) : up(std::ldexp(Real{1}, grid.exponent)), down(std::ldexp(Real{1}, -grid.exponent)) {}
  Real up;
  Real down;
};

template <class D, class V>
HWY_INLINE V round_to(D d, V x, const GridFactors& grid) {
  return hn::Mul(hn::Round(hn::Mul(x, hn::Set(d, grid.up))), hn::Set(d, grid.down));
}

template <class D, class V>
HWY_INLINE V round_probability(D d, V p, bool exact, const GridFactors& grid) {
  return exact ? round_to(d, p, grid) : p;
}

/// A number that takes the bits behind the point from x, if |x| < 2^22 is added to it, and leaves rint(x) in the lowest
/// bits. Conversions of Highway would take care of larger numbers, at twice the price.
inline constexpr Real integer_shift = 0x1.8p23F;

/// 1 / (1 + exp(-x)). exp(-x) = 2^n exp(r) with n = rint(-x / ln 2) and |r| <= (ln 2) / 2, where eight terms of the
/// power series leave a relative error of 6e-9. ln 2 is taken off in two parts, the first of few bits, so that n times
/// it is exact. Beyond |x| = 87, where exp would leave the normal numbers, x is cut.
template <class D, std::size_t count, class V = hn::Vec<D>>
HWY_INLINE void sigmoid(D d, V (&x)[count]) {
  V power[count];
  V r[count];
  V series[count];
  for (std::size_t k = 0; k < count; ++k) {
    const V y = hn::Max(hn::Min(hn::Neg(x[k]), hn::Set(d, 87.0F)), hn::Set(d, -87.0F));
    const V shift = hn::Set(d, integer_shift + 127.0F);  // the exponent of 2^n is stored as n + 127
    const V shifted = hn::Add(hn::Mul(y, hn::Set(d, 1.44269504F)), shift);
    power[k] = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(hn::RebindToSigned<D>(), shifted)));
    const V n = hn::Sub(shifted, shift);
    r[k] = hn::Sub(y, hn::Mul(n, hn::Set(d, 0x1.62p-1F)));         // 0.69140625
    r[k] = hn::Sub(r[k], hn::Mul(n, hn::Set(d, 0x1.c85fep-10F)));  // ln 2 - 0.69140625
    series[k] = hn::Set(d, 1.0F / 5040.0F);
  }
  const auto next_term = [&](Real coefficient) HWY_ATTR {
    for (std::size_t k = 0; k < count; ++k) series[k] = hn::Add(hn::Mul(series[k], r[k]), hn::Set(d, coefficient));
  };
  next_term(1.0F / 720.0F);
  next_term(1.0F / 120.0F);
  next_term(1.0F / 24.0F);
  next_term(1.0F / 6.0F);
  next_term(0.5F);
  next_term(1.0F);
  next_term(1.0F);
  const V unit = hn::Set(d, 1.0F);
  for (std::size_t k = 0; k < count; ++k) x[k] = hn::Div(unit, hn::Add(unit, hn::Mul(series[k], power[k])));
}

/// 1 / sigmoid(x) = 1 + exp(-x), x = fields + bias, to a relative error of less than `inverse_sigmoid_margin`, for what
/// needs no more. 2^(-x / ln 2) = 2^n 2^r with |r| <= 1/2, where the polynomial of degree 3 of the smallest relative
/// error, 7.5e-5, replaces 2^r. May be contracted: the bits are not the same on all machines.
inline constexpr Real inverse_sigmoid_margin = 0x1p-13F;
template <class D, std::size_t count, class V = hn::Vec<D>>
HWY_INLINE void inverse_sigmoid_bound(D d, const Real* fields, const Real* bias, V (&inverse)[count]) {
  for (std::size_t k = 0; k < count; ++k) {
    const V x = hn::Add(hn::LoadU(d, fields + k * hn::Lanes(d)), hn::LoadU(d, bias + k * hn::Lanes(d)));
    const V y = hn::Max(hn::Min(hn::Mul(x, hn::Set(d, -1.44269504F)), hn::Set(d, 125.0F)), hn::Set(d, -125.0F));
    const V shift = hn::Set(d, integer_shift + 127.0F);  // the exponent of 2^n is stored as n + 127
    const V shifted = hn::Add(y, shift);
    const V power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(hn::RebindToSigned<D>(), shifted)));
    const V r = hn::Sub(y, hn::Sub(shifted, shift));
    V series = hn::MulAdd(hn::Set(d, 0.05517167F), r, hn::Set(d, 0.24261113F));
    series = hn::MulAdd(series, r, hn::Set(d, 0.69326099F));
    series = hn::MulAdd(series, r, hn::Set(d, 0.99992807F));
    inverse[k] = hn::MulAdd(series, power, hn::Set(d, 1.0F));
  }
}

/// The rounded probabilities of vectors of units.
template <class D, std::size_t count, class V = hn::Vec<D>>
HWY_INLINE void activate(D d, const Real* fields, const Real* bias, bool exact, const GridFactors& grid,
                         V (&probabilities)[count]) {
  for (std::size_t k = 0; k < count; ++k) {
    const std::size_t i = k * hn::Lanes(d);
    probabilities[k] = hn::Add(hn::LoadU(d, fields + i), hn::LoadU(d, bias + i));
  }
  sigmoid(d, probabilities);
  for (V& p : probabilities) p = round_probability(d, p, exact, grid);
}

/// rint(2^12 (a - b)), for a and b in [0, 1].
template <class D, class V>
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> rounded_error(D d, V a, V b) {
  const hn::RebindToSigned<D> di;
  const V shift = hn::Set(d, integer_shift);
  const V shifted = hn::Add(hn::Mul(hn::Sub(a, b), hn::Set(d, 0x1p12F)), shift);
  return hn::Sub(hn::BitCast(di, shifted), hn::BitCast(di, shift));
}

}  // namespace rbmpi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
