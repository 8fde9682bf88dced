#include "train/finite_parameters.hpp"

#include <algorithm>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/kernels.hpp"

namespace rbmpi {

namespace {
constexpr std::size_t line = whole_lines<Real>(1);
}  // namespace

FiniteParameters::FiniteParameters(const ParameterBlocks& blocks, std::span<const Real> parameters,
                                   const NodeShare& share, Arena& memory)
    : blocks_(blocks), parameters_(parameters), notes_(memory.take<Real>(share.slots * share.threads * line)) {}

void FiniteParameters::begin_part(std::size_t part) noexcept {
  notes_[part * line] = 0;
}

void FiniteParameters::follow(std::size_t block, Shard rows, std::size_t part) noexcept {
  if (all_finite(parameters_.data() + blocks_.offset(block, rows.first), rows.count * blocks_[block].columns)) return;
  notes_[part * line] = 1;
}

ParameterFollower::Fit FiniteParameters::settle() noexcept {
  return std::ranges::all_of(notes_, [](Real note) { return note == 0; }) ? Fit::good : Fit::impossible;
}

}  // namespace rbmpi
