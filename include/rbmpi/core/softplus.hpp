#pragma once

#include <algorithm>
#include <cmath>

namespace rbmpi {

/// Local. log(1 + exp(x)), without overflow: the part of a hidden unit with the field x in the free energy.
[[nodiscard]] inline double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

}  // namespace rbmpi
