#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/parallel/node_memory.hpp"

namespace rbmpi {

/// Whether parameters that several threads of several ranks of a node change are finite: each of these parts notes what
/// it sees, on a cache line of its own, and when all have waited for each other all know. Local.
class FiniteCheck {
 public:
  FiniteCheck() = default;
  FiniteCheck(std::size_t parts, NodeMemory& memory) : notes_(memory.take<Real>(parts * line)) {}

  void begin_part(std::size_t part) noexcept { notes_[part * line] = 0; }
  void look_at(std::span<const Real> values, std::size_t part) noexcept {
    if (!rbmpi::all_finite(values.data(), values.size())) notes_[part * line] = 1;
  }
  [[nodiscard]] bool all_finite() const noexcept {
    return std::ranges::all_of(notes_, [](Real note) { return note == 0; });
  }

 private:
  static constexpr std::size_t line = whole_lines<Real>(1);
  std::span<Real> notes_;  // parts x line, of which the first is used
};

}  // namespace rbmpi
