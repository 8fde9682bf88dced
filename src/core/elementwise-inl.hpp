// What the element-wise kernels share: sequences of IEEE operations, the same for every length of vector. No include
// guard: each kernel file includes it once, and Highway compiles that file once for each instruction set.

#include <cmath>
#include <cstddef>

#include <hwy/highway.h>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/real.hpp"

HWY_BEFORE_NAMESPACE();
namespace rbmpi::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

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

/// rint(x) as a float and as the lowest bits of an integer, for |x| < 2^22: the sum of x and a number with 1.5 * 2^23
/// in it has no bits behind the point. Conversions of Highway would take care of larger numbers, at twice the price.
template <class D>
struct Rounded {
  /// `integer` is rint(x) + offset, and the bits of the float 1.5 * 2^23 besides.
  template <class V>
  HWY_INLINE Rounded(D d, V x, Real offset) {
    const V shift = hn::Set(d, 0x1.8p23F + offset);
    const V shifted = hn::Add(x, shift);
    number = hn::Sub(shifted, shift);
    integer = hn::BitCast(hn::RebindToSigned<D>(), shifted);
  }
  hn::Vec<D> number;
  hn::Vec<hn::RebindToSigned<D>> integer;
};

/// 1 / (1 + exp(-x)). exp(-x) = 2^n exp(r) with n = rint(-x / ln 2) and |r| <= (ln 2) / 2, where eight terms of the
/// power series leave a relative error of 6e-9. ln 2 is taken off in two parts, the first of few bits, so that n times
/// it is exact. Beyond |x| = 87, where exp would leave the normal numbers, x is cut.
template <class D, class V>
HWY_INLINE V sigmoid(D d, V x) {
  const V y = hn::Max(hn::Min(hn::Neg(x), hn::Set(d, 87.0F)), hn::Set(d, -87.0F));
  const Rounded<D> n(d, hn::Mul(y, hn::Set(d, 1.44269504F)), 127.0F);  // 127 is the exponent's bias
  V r = hn::Sub(y, hn::Mul(n.number, hn::Set(d, 0x1.62p-1F)));         // 0.69140625
  r = hn::Sub(r, hn::Mul(n.number, hn::Set(d, 0x1.c85fep-10F)));       // ln 2 - 0.69140625
  V series = hn::Set(d, 1.0F / 5040.0F);
  series = hn::Add(hn::Mul(series, r), hn::Set(d, 1.0F / 720.0F));
  series = hn::Add(hn::Mul(series, r), hn::Set(d, 1.0F / 120.0F));
  series = hn::Add(hn::Mul(series, r), hn::Set(d, 1.0F / 24.0F));
  series = hn::Add(hn::Mul(series, r), hn::Set(d, 1.0F / 6.0F));
  series = hn::Add(hn::Mul(series, r), hn::Set(d, 0.5F));
  series = hn::Add(hn::Mul(series, r), hn::Set(d, 1.0F));
  series = hn::Add(hn::Mul(series, r), hn::Set(d, 1.0F));
  const V exponential = hn::Mul(series, hn::BitCast(d, hn::ShiftLeft<23>(n.integer)));
  const V unit = hn::Set(d, 1.0F);
  return hn::Div(unit, hn::Add(unit, exponential));
}

/// rint(2^12 (a - b)), for a and b in [0, 1].
template <class D, class V>
HWY_INLINE hn::Vec<hn::RebindToSigned<D>> rounded_error(D d, V a, V b) {
  const hn::RebindToSigned<D> di;
  const Rounded<D> error(d, hn::Mul(hn::Sub(a, b), hn::Set(d, 0x1p12F)), 0.0F);
  return hn::Sub(error.integer, hn::BitCast(di, hn::Set(d, 0x1.8p23F)));
}

/// The parameters after a step, which are not stored; the velocities are.
template <class D>
HWY_INLINE hn::Vec<D> momentum_step(D d, const MomentumStep& step, const Real* sums, Real* velocity,
                                    const Real* parameters) {
  const auto parameter = hn::LoadU(d, parameters);
  const auto cost = hn::Mul(hn::Set(d, step.weight_cost), parameter);
  const auto gradient = hn::Sub(hn::Mul(hn::LoadU(d, sums), hn::Set(d, step.sample_share)), cost);
  const auto speed = hn::Add(hn::Mul(hn::Set(d, step.momentum), hn::LoadU(d, velocity)), gradient);
  hn::StoreU(speed, d, velocity);
  return hn::Add(parameter, hn::Mul(hn::Set(d, step.learning_rate), speed));
}

/// ceil(2^8 |w|)
template <class D, class V>
HWY_INLINE V weight_norm(D d, V w) {
  static_assert(norm_exponent == 8);
  return hn::Ceil(hn::Mul(hn::Abs(w), hn::Set(d, 0x1p8F)));
}

}  // namespace rbmpi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
