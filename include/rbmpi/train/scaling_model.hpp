#pragma once

#include <cstddef>

#include "rbmpi/parallel/link.hpp"

namespace rbmpi {

/// Local. Seconds that `nodes` nodes take at best to sum `bytes` bytes of each and the totals of a step: the formula of
/// scripts/scaling-model, which explains it. The link is that of a node, whose ranks share it.
[[nodiscard]] double exchange_seconds(int nodes, std::size_t bytes, const Link& link) noexcept;

/// Local. What is left of an exchange of so many seconds when as much as can be hides behind the computing of a step.
[[nodiscard]] double visible_exchange_seconds(double exchange, double compute) noexcept;

}  // namespace rbmpi
