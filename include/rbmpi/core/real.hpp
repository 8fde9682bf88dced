#pragma once

#include <limits>

namespace rbmpi {

/// The scalar of parameters, states and gradients.
#ifdef RBMPI_DOUBLE_PRECISION
// For tests alone, which compare gradients with finite differences; nothing that rests on exact sums is compiled so.
using Real = double;
#else
using Real = float;

static_assert(std::numeric_limits<Real>::is_iec559 && std::numeric_limits<Real>::digits == 24,
              "exact sums (docs/numerics.md) rest on IEEE single precision: 24 bits, rounded to nearest");
#endif

}  // namespace rbmpi
