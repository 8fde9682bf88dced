#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rbmpi {

/// A pair of visible units.
struct UnitPair {
  std::uint32_t first = 0;
  std::uint32_t second = 0;  ///< another one
};

/// As many pairs of units as <v_i v_j> is looked at for: all that there are, or so many.
inline constexpr std::size_t most_measured_pairs = 10000;
[[nodiscard]] std::size_t measured_pairs(std::size_t units) noexcept;

/// Local. These pairs [measured_pairs(units)]: all, or random ones, the same wherever so many units are looked at.
void choose_pairs(std::size_t units, std::span<UnitPair> pairs) noexcept;

}  // namespace rbmpi
