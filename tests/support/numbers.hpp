#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/real.hpp"

namespace rbmpi::test {

/// Random numbers that are the same on every machine (the distributions of the standard library are not).
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// In [0, 1), a multiple of 2^-53.
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// A whole number in [0, end).
  std::uint64_t below(std::uint64_t end) { return engine_() % end; }
  /// Roughly normal: mean 0, variance 1, within [-6, 6].
  double bell() {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
  }

  std::vector<Real> reals(std::size_t count, double low, double high) {
    std::vector<Real> values(count);
    for (Real& value : values) value = static_cast<Real>(uniform(low, high));
    return values;
  }
  std::vector<Real> bits(std::size_t count) {
    std::vector<Real> values(count);
    for (Real& value : values) value = static_cast<Real>(below(2));
    return values;
  }
  template <typename Value>
  void shuffle(std::vector<Value>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  std::mt19937_64 engine_;
};

/// Whether two rows of numbers are the same bit for bit: 0 and -0 differ.
template <typename Value>
testing::AssertionResult same_bits(std::span<const Value> actual, std::span<const Value> expected) {
  using Bits = std::conditional_t<sizeof(Value) == 4, std::uint32_t, std::uint64_t>;
  if (actual.size() != expected.size()) {
    return testing::AssertionFailure() << actual.size() << " numbers instead of " << expected.size();
  }
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (std::bit_cast<Bits>(actual[i]) == std::bit_cast<Bits>(expected[i])) continue;
    return testing::AssertionFailure() << "number " << i << " is " << std::hexfloat << actual[i] << " instead of "
                                       << expected[i];
  }
  return testing::AssertionSuccess();
}

inline testing::AssertionResult same_bits(const std::vector<Real>& actual, const std::vector<Real>& expected) {
  return same_bits(std::span<const Real>(actual), std::span<const Real>(expected));
}

}  // namespace rbmpi::test
