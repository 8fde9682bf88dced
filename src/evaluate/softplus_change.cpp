#include "evaluate/softplus_change.hpp"

#include <algorithm>
#include <cmath>

// Highway compiles what follows once for each instruction set and chooses at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "evaluate/softplus_change.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>
//
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace rbmpi::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)). The change of the first summand is added up; the arguments of the
/// logarithm, which are at most 2, are multiplied, so that there is one logarithm for many units.
template <class D>
struct Change {
  hn::Vec<D> linear;
  hn::Vec<D> product_from;
  hn::Vec<D> product_to;

  explicit HWY_INLINE Change(D d) : linear(hn::Zero(d)), product_from(hn::Set(d, 1.0)), product_to(hn::Set(d, 1.0)) {}

  HWY_INLINE void add(D d, const Real* fields, const Real* bias, double from, double to) {
    const hn::Rebind<Real, D> df;
    const auto x = hn::Add(hn::PromoteTo(d, hn::LoadU(df, fields)), hn::PromoteTo(d, hn::LoadU(df, bias)));
    linear = hn::MulAdd(hn::Max(x, hn::Zero(d)), hn::Set(d, to - from), linear);
    // exp(-700) is nothing beside 1, and still a normal number.
    const auto negative = hn::Neg(hn::Abs(x));
    const auto exponent = [&](double scale)
                              HWY_ATTR { return hn::Max(hn::Mul(negative, hn::Set(d, scale)), hn::Set(d, -700.0)); };
    product_from = hn::MulAdd(product_from, hn::Exp(d, exponent(from)), product_from);
    product_to = hn::MulAdd(product_to, hn::Exp(d, exponent(to)), product_to);
  }

  /// What was added up, in one number.
  HWY_INLINE double value(D d) const {
    alignas(64) double from[8];
    alignas(64) double to[8];
    hn::Store(product_from, d, from);
    hn::Store(product_to, d, to);
    for (std::size_t lane = 1; lane < hn::Lanes(d); ++lane) {
      from[0] *= from[lane];
      to[0] *= to[lane];
    }
    return hn::GetLane(hn::SumOfLanes(d, linear)) + std::log(to[0] / from[0]);
  }
};

HWY_FLATTEN HWY_ATTR double SoftplusChange(const Real* fields, const Real* bias, double from, double to,
                                           std::size_t count) {
  constexpr std::size_t at_once = 1000;  // factors of at most 2 that a product has room for
  const hn::CappedTag<double, 8> longest;
  const hn::CappedTag<double, 1> one;
  double sum = 0;
  for (std::size_t first = 0; first < count; first += at_once) {
    Change<decltype(longest)> many(longest);
    Change<decltype(one)> rest(one);
    const std::size_t end = std::min(count, first + at_once);
    std::size_t i = first;
    for (; i + hn::Lanes(longest) <= end; i += hn::Lanes(longest)) many.add(longest, fields + i, bias + i, from, to);
    for (; i < end; ++i) rest.add(one, fields + i, bias + i, from, to);
    sum += many.value(longest) + rest.value(one);
  }
  return sum;
}

}  // namespace rbmpi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rbmpi {

HWY_EXPORT(SoftplusChange);

double softplus_change(const Real* fields, const Real* bias, double from, double to, std::size_t count) noexcept {
  return HWY_DYNAMIC_DISPATCH(SoftplusChange)(fields, bias, from, to, count);
}

}  // namespace rbmpi
#endif  // HWY_ONCE
