#include "rbmpi/train/measured_pairs.hpp"

#include <algorithm>

#include "rbmpi/core/random.hpp"

namespace rbmpi {

std::size_t measured_pairs(std::size_t units) noexcept {
  return units == 0 ? 0 : std::min(most_measured_pairs, units * (units - 1) / 2);
}

void choose_pairs(std::size_t units, std::span<UnitPair> pairs) noexcept {
  if (pairs.size() < most_measured_pairs) {  // all there are
    std::size_t pair = 0;
    for (std::uint32_t i = 0; i < units; ++i) {
      for (std::uint32_t j = i + 1; j < units; ++j) pairs[pair++] = {i, j};
    }
    return;
  }
  const RandomStream stream(1, 0, 0, Phase::measured_pairs, 0);
  for (std::uint32_t pair = 0; pair < pairs.size(); ++pair) {
    const RandomStream::Block block = stream.block(pair);
    const auto below = [](std::uint32_t word, std::size_t count) {
      return static_cast<std::uint32_t>((std::uint64_t{word} * count) >> 32U);
    };
    const std::uint32_t first = below(block[0], units);
    const std::uint32_t second = below(block[1], units - 1);
    pairs[pair] = {first, second + (second >= first ? 1U : 0U)};
  }
}

}  // namespace rbmpi
