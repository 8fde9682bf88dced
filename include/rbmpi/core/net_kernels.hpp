#pragma once

#include <cstddef>

#include "rbmpi/core/random.hpp"
#include "rbmpi/core/real.hpp"

namespace rbmpi {

// Element-wise kernels of feed-forward nets on one row, besides those of core/kernels.hpp and as these. What uses the
// exponential or the logarithm may differ between processors in the last digits.

/// sums[i] += values[i].
void add(const Real* values, std::size_t count, Real* sums) noexcept;

/// values[i] = from[i] - values[i].
void subtract_from(const Real* from, std::size_t count, Real* values) noexcept;

/// Turns the fields of the units into probabilities, in place: exp(x_i + bias_i) / sum of exp(x_j + bias_j).
void softmax(Real* fields, const Real* bias, std::size_t count) noexcept;

/// The derivative of sigmoids behind dropout: deltas[i] *= a[i] (1 - keep a[i]). With s the value of a sigmoid, a = s m
/// / keep, where m = 1 with probability `keep`, else 0: da/dx = m s (1 - s) / keep. Without dropout keep = 1.
void multiply_by_slope(const Real* activations, Real keep, std::size_t count, Real* deltas) noexcept;

/// Dropout ("inverted": what stays grows, so that means stay as they are): values[i] becomes values[i] / keep with
/// probability `keep`, drawn as `sample` draws it, else 0.
void drop_out(Real* values, std::size_t count, const RandomStream& stream, Real keep) noexcept;

/// The sum of -v log p - (1 - v) log(1 - p), for v and p in [0, 1]. Where p or 1 - p is below 2^-25 it counts as that,
/// as single precision does not tell 1 - p from 0 there.
[[nodiscard]] Real cross_entropy(const Real* v, const Real* p, std::size_t count) noexcept;

}  // namespace rbmpi
