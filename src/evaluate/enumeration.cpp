#include "evaluate/enumeration.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

// Highway compiles what follows once for each instruction set and chooses at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "evaluate/enumeration.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>
//
#include <hwy/contrib/math/math-inl.h>

HWY_BEFORE_NAMESPACE();
namespace rbmpi::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Doubles = hn::CappedTag<double, most_lanes>;
using Integers = hn::RebindToUnsigned<Doubles>;

/// Units [first, first + count) at the first state of a block: their `start` and `factors`, and what is linear in them,
/// which goes to `constant` and the slopes.
HWY_INLINE void begin_units(const Enumeration& all, std::uint64_t block, std::size_t first, std::size_t count,
                            BlockScratch& scratch, double& constant) {
  const Doubles d;
  const auto zero = hn::Zero(d);
  for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
    auto x = hn::Load(d, all.bias.data() + first + i);
    for (std::uint64_t rest = block; rest != 0; rest &= rest - 1) {
      const std::size_t bit = all.low + static_cast<std::size_t>(std::countr_zero(rest));
      x = hn::Add(x, hn::Load(d, all.weights.data() + bit * all.units + first + i));
    }
    const auto on = hn::Gt(x, zero);
    constant += hn::GetLane(hn::SumOfLanes(d, hn::Max(x, zero)));
    const auto exponent = hn::Max(hn::Neg(hn::Abs(x)), hn::Set(d, least_exponent));
    hn::Store(hn::Exp(d, exponent), d, scratch.start.data() + i);
    for (std::size_t bit = 0; bit < all.low; ++bit) {
      const std::size_t at = bit * all.units + first + i;
      const auto factor =
          hn::IfThenElse(on, hn::Load(d, all.lowering.data() + at), hn::Load(d, all.raising.data() + at));
      hn::Store(factor, d, scratch.factors.data() + bit * units_at_once + i);
      scratch.slopes[bit] +=
          hn::GetLane(hn::SumOfLanes(d, hn::IfThenElseZero(on, hn::Load(d, all.weights.data() + at))));
    }
  }
}

/// The logarithms of the 8 products over `count` units of 1 + e, 1 + e f0, 1 + e f1, 1 + e f0 f1, ..., for all subsets
/// of the first three bits, are added to `values`.
HWY_INLINE void add_products(const double* e, const BlockScratch& scratch, std::size_t count, std::size_t group,
                             double* values) {
  const Doubles d;
  const Integers di;
  const auto one = hn::Set(d, 1.0);
  const double* const f0 = scratch.factors.data();
  const double* const f1 = f0 + units_at_once;
  const double* const f2 = f1 + units_at_once;
  auto p0 = one;
  auto p1 = one;
  auto p2 = one;
  auto p3 = one;
  auto p4 = one;
  auto p5 = one;
  auto p6 = one;
  auto p7 = one;
  const auto zero = hn::Zero(di);
  auto e0 = zero;
  auto e1 = zero;
  auto e2 = zero;
  auto e3 = zero;
  auto e4 = zero;
  auto e5 = zero;
  auto e6 = zero;
  auto e7 = zero;
  // Leaves a product in [1, 2) and adds the power of 2 that was taken off to its exponent.
  const auto take_off = [&](auto& product, auto& exponent) HWY_ATTR {
    const auto bits = hn::BitCast(di, product);
    exponent = hn::Add(exponent, hn::Sub(hn::ShiftRight<52>(bits), hn::Set(di, 1023)));
    const auto fraction = hn::And(bits, hn::Set(di, (std::uint64_t{1} << 52) - 1));
    product = hn::BitCast(d, hn::Or(fraction, hn::BitCast(di, one)));
  };
  for (std::size_t i = 0; i < count;) {
    const std::size_t end = std::min(count, i + group * hn::Lanes(d));
    for (; i < end; i += hn::Lanes(d)) {
      const auto a = hn::Load(d, e + i);
      const auto by0 = hn::Load(d, f0 + i);
      const auto by1 = hn::Load(d, f1 + i);
      const auto by2 = hn::Load(d, f2 + i);
      const auto a0 = hn::Mul(a, by0);
      const auto a1 = hn::Mul(a, by1);
      const auto a01 = hn::Mul(a0, by1);
      p0 = hn::MulAdd(p0, a, p0);
      p1 = hn::MulAdd(p1, a0, p1);
      p2 = hn::MulAdd(p2, a1, p2);
      p3 = hn::MulAdd(p3, a01, p3);
      p4 = hn::MulAdd(p4, hn::Mul(a, by2), p4);
      p5 = hn::MulAdd(p5, hn::Mul(a0, by2), p5);
      p6 = hn::MulAdd(p6, hn::Mul(a1, by2), p6);
      p7 = hn::MulAdd(p7, hn::Mul(a01, by2), p7);
    }
    take_off(p0, e0);
    take_off(p1, e1);
    take_off(p2, e2);
    take_off(p3, e3);
    take_off(p4, e4);
    take_off(p5, e5);
    take_off(p6, e6);
    take_off(p7, e7);
  }
  alignas(64) double product[most_lanes];
  alignas(64) std::uint64_t exponent[most_lanes];
  const auto add = [&](auto p, auto x, double& value) HWY_ATTR {
    hn::Store(p, d, product);
    hn::Store(x, di, exponent);
    for (std::size_t lane = 1; lane < hn::Lanes(d); ++lane) {
      product[0] *= product[lane];  // below 2^8
      exponent[0] += exponent[lane];
    }
    value += std::log(product[0]) + static_cast<double>(exponent[0]) * std::numbers::ln2;
  };
  add(p0, e0, values[0]);
  add(p1, e1, values[1]);
  add(p2, e2, values[2]);
  add(p3, e3, values[3]);
  add(p4, e4, values[4]);
  add(p5, e5, values[5]);
  add(p6, e6, values[6]);
  add(p7, e7, values[7]);
}

HWY_ATTR void SumBlock(const Enumeration& all, std::uint64_t block, BlockScratch& scratch) {
  const Doubles d;
  double constant = 0;
  for (std::uint64_t rest = block; rest != 0; rest &= rest - 1) {
    constant += all.bit_bias[all.low + static_cast<std::size_t>(std::countr_zero(rest))];
  }
  std::copy_n(all.bit_bias.begin(), all.low, scratch.slopes.begin());
  double* const values = scratch.values.data();
  std::fill_n(values, scratch.values.size(), 0.0);

  for (std::size_t first = 0; first < all.units; first += units_at_once) {
    const std::size_t count = std::min(units_at_once, all.units - first);
    begin_units(all, block, first, count, scratch, constant);
    // The states by their bits above the first three. One differs from the state without its lowest such bit, whose
    // numbers are still there, by one factor.
    const auto level = [&](std::uint64_t state) {
      return state == 0 ? scratch.start.data()
                        : scratch.levels.data() + static_cast<std::size_t>(std::countr_zero(state)) * units_at_once;
    };
    for (std::uint64_t state = 0; state < scratch.values.size() / side_by_side; ++state) {
      if (state != 0) {
        const double* const from = level(state & (state - 1));
        const std::size_t bit = register_bits + static_cast<std::size_t>(std::countr_zero(state));
        const double* const factors = scratch.factors.data() + bit * units_at_once;
        for (std::size_t i = 0; i < count; i += hn::Lanes(d)) {
          hn::Store(hn::Mul(hn::Load(d, from + i), hn::Load(d, factors + i)), d, level(state) + i);
        }
      }
      add_products(level(state), scratch, count, all.group, values + state * side_by_side);
    }
  }

  // And what is linear: the constant, and the slopes of the bits that are on.
  double* const linear = scratch.linear.data();
  linear[0] = constant;
  for (std::size_t bit = 0; bit < all.low; ++bit) {
    const std::size_t half = std::size_t{1} << bit;
    for (std::size_t state = 0; state < half; ++state) linear[half + state] = linear[state] + scratch.slopes[bit];
  }
  for (std::size_t state = 0; state < scratch.values.size(); ++state) values[state] += linear[state];
}

}  // namespace rbmpi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rbmpi {

HWY_EXPORT(SumBlock);

void sum_block(const Enumeration& all, std::uint64_t block, BlockScratch& scratch) {
  HWY_DYNAMIC_DISPATCH(SumBlock)(all, block, scratch);
}

}  // namespace rbmpi
#endif  // HWY_ONCE
