#include "rbmpi/core/net_kernels.hpp"

#include <algorithm>
#include <cmath>

// Highway compiles what follows once for each instruction set and chooses at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/net_kernels.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>
//
#include <hwy/contrib/math/math-inl.h>
//
#include "core/elementwise-inl.hpp"
#include "core/sampling-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace rbmpi::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

HWY_ATTR void Add(const Real* values, std::size_t count, Real* sums) {
  for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
    hn::StoreU(hn::Add(hn::LoadU(d, sums + i), hn::LoadU(d, values + i)), d, sums + i);
  });
}

HWY_ATTR void SubtractFrom(const Real* from, std::size_t count, Real* values) {
  for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
    hn::StoreU(hn::Sub(hn::LoadU(d, from + i), hn::LoadU(d, values + i)), d, values + i);
  });
}

HWY_ATTR void MultiplyBySlope(const Real* activations, Real keep, std::size_t count, Real* deltas) {
  for_each_vector(count, [&](auto d, std::size_t i) HWY_ATTR {
    const auto a = hn::LoadU(d, activations + i);
    const auto slope = hn::Mul(a, hn::Sub(hn::Set(d, Real{1}), hn::Mul(hn::Set(d, keep), a)));
    hn::StoreU(hn::Mul(hn::LoadU(d, deltas + i), slope), d, deltas + i);
  });
}

HWY_FLATTEN HWY_ATTR void DropOut(Real* values, std::size_t count, const RandomStream& stream, Real keep) {
  alignas(64) std::uint8_t bytes[random_group];
  for (std::size_t first = 0; first < count; first += random_group) {
    const std::size_t units = std::min(random_group, count - first);
    random_bytes(stream, static_cast<std::uint32_t>(first / 16), units, bytes);
    for_each_vector(units, [&](auto d, std::size_t i) HWY_ATTR {
      const std::size_t unit = first + i;
      const hn::Vec<decltype(d)> p[1] = {hn::Set(d, keep)};
      const auto stays = states_in(d, draw(d, p, bytes + i, stream, unit));
      const auto grown = hn::Mul(hn::LoadU(d, values + unit), hn::Set(d, 1 / keep));
      hn::StoreU(hn::Mul(stays, grown), d, values + unit);
    });
  }
}

HWY_FLATTEN HWY_ATTR Real CrossEntropy(const Real* v, const Real* p, std::size_t count) {
  const hn::CappedTag<Real, 16> d;
  const hn::CappedTag<Real, 1> one;
  const auto of_units = [&](auto tag, std::size_t i) HWY_ATTR {
    const auto unit = hn::Set(tag, Real{1});
    const auto least = hn::Set(tag, Real{0x1p-25F});
    const auto value = hn::LoadU(tag, v + i);
    const auto probability = hn::LoadU(tag, p + i);
    const auto log_on = hn::Log(tag, hn::Max(probability, least));
    const auto log_off = hn::Log(tag, hn::Max(hn::Sub(unit, probability), least));
    return hn::Add(hn::Mul(value, log_on), hn::Mul(hn::Sub(unit, value), log_off));
  };
  auto sums = hn::Zero(d);
  std::size_t i = 0;
  for (; i + hn::Lanes(d) <= count; i += hn::Lanes(d)) sums = hn::Add(sums, of_units(d, i));
  Real total = hn::GetLane(hn::SumOfLanes(d, sums));
  for (; i < count; ++i) total += hn::GetLane(of_units(one, i));
  return -total;
}

}  // namespace rbmpi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rbmpi {

HWY_EXPORT(Add);
HWY_EXPORT(SubtractFrom);
HWY_EXPORT(MultiplyBySlope);
HWY_EXPORT(DropOut);
HWY_EXPORT(CrossEntropy);

void add(const Real* values, std::size_t count, Real* sums) noexcept {
  HWY_DYNAMIC_DISPATCH(Add)(values, count, sums);
}

void softmax(Real* fields, const Real* bias, std::size_t count) noexcept {
  // There are few classes: a plain loop takes a hundredth of the time of the products.
  add(bias, count, fields);
  const Real most = *std::max_element(fields, fields + count);
  Real sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += fields[i] = std::exp(fields[i] - most);
  for (std::size_t i = 0; i < count; ++i) fields[i] /= sum;
}

void subtract_from(const Real* from, std::size_t count, Real* values) noexcept {
  HWY_DYNAMIC_DISPATCH(SubtractFrom)(from, count, values);
}

void multiply_by_slope(const Real* activations, Real keep, std::size_t count, Real* deltas) noexcept {
  HWY_DYNAMIC_DISPATCH(MultiplyBySlope)(activations, keep, count, deltas);
}

void drop_out(Real* values, std::size_t count, const RandomStream& stream, Real keep) noexcept {
  HWY_DYNAMIC_DISPATCH(DropOut)(values, count, stream, keep);
}

Real cross_entropy(const Real* v, const Real* p, std::size_t count) noexcept {
  return HWY_DYNAMIC_DISPATCH(CrossEntropy)(v, p, count);
}

}  // namespace rbmpi
#endif  // HWY_ONCE
