#include "rbmpi/train/scaling_model.hpp"

#include <algorithm>
#include <cmath>

namespace rbmpi {

double exchange_seconds(int nodes, std::size_t bytes, const Link& link) noexcept {
  if (nodes == 1) return 0;
  return 4 * std::log2(nodes) * link.latency + 2.0 * (nodes - 1) / nodes * static_cast<double>(bytes) / link.bandwidth;
}

double visible_exchange_seconds(double exchange, double compute) noexcept {
  constexpr double pieces = 8;
  return std::max(exchange / pieces, exchange - compute / 2 * (pieces - 1) / pieces);
}

}  // namespace rbmpi
