#include "rbmpi/train/checked_gradient.hpp"

#include <algorithm>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/kernels.hpp"

namespace rbmpi {

namespace {
constexpr std::size_t line = whole_lines<Real>(1);
}  // namespace

void CheckedGradient::check(std::span<const Real> parameters, const NodeShare& share, Arena& memory) {
  checked_ = parameters;
  notes_ = memory.take<Real>(share.slots * share.threads * line);
}

void CheckedGradient::begin_part(std::size_t part) noexcept {
  notes_[part * line] = 0;
}

void CheckedGradient::follow(std::size_t block, Shard rows, std::size_t part) noexcept {
  const ParameterBlocks& all = blocks();
  if (all_finite(checked_.data() + all.offset(block, rows.first), rows.count * all[block].columns)) return;
  notes_[part * line] = 1;
}

GradientFunction::Fit CheckedGradient::settle() noexcept {
  return std::ranges::all_of(notes_, [](Real note) { return note == 0; }) ? Fit::good : Fit::impossible;
}

}  // namespace rbmpi
