// The element-wise kernels of nets in double precision, which the vectorised ones of the library do not have: what
// these should be is what those are compared with in tests/unit/core.

#include <algorithm>
#include <cmath>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/net_kernels.hpp"
#include "support/scalar_draw.hpp"

namespace rbmpi {

void activate(Real* fields, const Real* bias, std::size_t count, ProbabilityRounding /*rounding*/) noexcept {
  for (std::size_t i = 0; i < count; ++i) fields[i] = 1 / (1 + std::exp(-(fields[i] + bias[i])));
}

void add(const Real* values, std::size_t count, Real* sums) noexcept {
  for (std::size_t i = 0; i < count; ++i) sums[i] += values[i];
}

void subtract_from(const Real* from, std::size_t count, Real* values) noexcept {
  for (std::size_t i = 0; i < count; ++i) values[i] = from[i] - values[i];
}

void softmax(Real* fields, const Real* bias, std::size_t count) noexcept {
  add(bias, count, fields);
  Real sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += fields[i] = std::exp(fields[i]);
  for (std::size_t i = 0; i < count; ++i) fields[i] /= sum;
}

void multiply_by_slope(const Real* activations, Real keep, std::size_t count, Real* deltas) noexcept {
  for (std::size_t i = 0; i < count; ++i) deltas[i] *= activations[i] * (1 - keep * activations[i]);
}

void drop_out(Real* values, std::size_t count, const RandomStream& stream, Real keep) noexcept {
  for (std::size_t i = 0; i < count; ++i) values[i] *= test::draw(keep, stream, i) / keep;
}

Real cross_entropy(const Real* v, const Real* p, std::size_t count) noexcept {
  Real sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum -= v[i] * std::log(p[i]) + (1 - v[i]) * std::log(1 - p[i]);
  return sum;
}

}  // namespace rbmpi
