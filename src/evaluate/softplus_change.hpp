#pragma once

#include <cstddef>

#include "rbmpi/core/real.hpp"

namespace rbmpi {

/// sum_i log(1 + exp(to x_i)) - log(1 + exp(from x_i)), for x_i = fields[i] + bias[i], in double precision: the error
/// is about 1e-15 of the sum of |from x_i| + |to x_i|, and that of the logarithms about 1e-16 for each unit, however
/// near the two sums are. Local, on the calling thread; nothing is allocated. The order of the sums, and with it the
/// last digits, depends on the instruction set alone.
[[nodiscard]] double softplus_change(const Real* fields, const Real* bias, double from, double to,
                                     std::size_t count) noexcept;

}  // namespace rbmpi
