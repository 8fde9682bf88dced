#include "rbmpi/core/exact_sums.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "rbmpi/core/state_kernels.hpp"

namespace rbmpi {

Grid probability_grid(std::size_t samples) noexcept {
  const std::size_t summed = std::clamp<std::size_t>(samples, 1, largest_single_precision_batch);
  return {exact_bits - static_cast<int>(std::bit_width(summed - 1))};
}

Grid weight_grid(Real norm, std::size_t terms) noexcept {
  const double allowed = std::ldexp(1.0, exact_bits) - static_cast<double>(terms) / 2;
  int exponent = exact_bits;
  while (exponent >= 0 && std::ldexp(static_cast<double>(norm), exponent - norm_exponent) > allowed) --exponent;
  return {exponent};
}

}  // namespace rbmpi
