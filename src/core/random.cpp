#include "rbmpi/core/random.hpp"

#include <cassert>
#include <cmath>

#include <Random123/philox.h>

namespace rbmpi {

RandomStream::RandomStream(std::uint64_t seed, std::uint32_t layer, std::uint64_t step, Phase phase,
                           std::uint32_t sample) noexcept
    : counter_{0, sample, static_cast<std::uint32_t>(step),
               (static_cast<std::uint32_t>(step >> 32) << 16) | ((layer & 0xFFU) << 8) |
                   (static_cast<std::uint32_t>(phase) << 1)},
      key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)} {}

namespace {

RandomStream::Block philox(const RandomStream::Block& counter, const std::array<std::uint32_t, 2>& key) noexcept {
  const philox4x32_ctr_t result =
      philox4x32_R(10, {{counter[0], counter[1], counter[2], counter[3]}}, {{key[0], key[1]}});
  return {result.v[0], result.v[1], result.v[2], result.v[3]};
}

/// A number in (-1, 1), never 0, from 52 of the 64 random bits: an odd multiple of 2^-52.
double symmetric(std::uint32_t high, std::uint32_t low) noexcept {
  const std::uint64_t bits = (std::uint64_t{high} << 32) | low;
  const auto odd = static_cast<double>((bits >> 12) * 2 + 1);  // odd, below 2^53: exact
  return odd * 0x1p-52 - 1.0;
}

}  // namespace

// The numbers of a unit come from byte unit % 16 of block unit / 16, and word unit % 4 of refinement unit / 4.
RandomStream RandomStream::from_unit(std::size_t unit) const noexcept {
  assert(unit % 16 == 0);
  RandomStream stream = *this;
  stream.counter_[0] += static_cast<std::uint32_t>(unit / 16);
  return stream;
}

RandomStream::Block RandomStream::block(std::uint32_t index) const noexcept {
  Block counter = counter_;
  counter[0] += index;
  return philox(counter, key_);
}

RandomStream::Block RandomStream::refinement(std::uint32_t index) const noexcept {
  Block counter = counter_;
  counter[0] = 4 * counter[0] + index;
  counter[3] |= 1U;
  return philox(counter, key_);
}

double portable_log(double x) noexcept {
  // x = m 2^e with m in [1/sqrt 2, sqrt 2); ln m = 2 artanh t = 2 (t + t^3/3 + t^5/5 + ...), t = (m - 1) / (m + 1).
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  const double t = (m - 1) / (m + 1);
  const double square = t * t;  // below 0.0295, so 12 terms leave an error under 1e-17
  double series = 0;
  for (int n = 23; n >= 1; n -= 2) series = series * square + 1.0 / n;
  return 2 * t * series + exponent * 0.69314718055994531;
}

double normal(const RandomStream& stream, std::uint32_t index) noexcept {
  for (std::uint32_t attempt = 0;; ++attempt) {
    // A point of the square; one in five is outside the circle and another is drawn. Attempts take their blocks from
    // counters that no other index uses.
    const RandomStream::Block bits = attempt == 0 ? stream.block(index) : stream.refinement(index * 64U + attempt);
    const double x = symmetric(bits[0], bits[1]);
    const double y = symmetric(bits[2], bits[3]);
    const double radius = x * x + y * y;
    if (radius < 1.0) return x * std::sqrt(-2.0 * portable_log(radius) / radius);
  }
}

}  // namespace rbmpi
