#include "train/finite_parameters.hpp"

#include <algorithm>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/kernels.hpp"

namespace rbmpi {

namespace {
constexpr std::size_t line = whole_lines<Real>(1);
}  // namespace

FiniteParameters::FiniteParameters(const ParameterLayout& layout, std::span<const Real> parameters,
                                   const NodeShare& share, Arena& memory)
    : layout_(layout), parameters_(parameters), notes_(memory.take<Real>(share.slots * share.threads * line)) {}

void FiniteParameters::begin(std::size_t worker) noexcept {
  notes_[worker * line] = 0;
}

void FiniteParameters::follow(std::size_t array, Shard rows, std::size_t worker) noexcept {
  if (all_finite(parameters_.data() + layout_.offset(array, rows.first), rows.count * layout_[array].columns)) return;
  notes_[worker * line] = 1;
}

ParameterFollower::Fit FiniteParameters::settle() noexcept {
  return std::ranges::all_of(notes_, [](Real note) { return note == 0; }) ? Fit::good : Fit::impossible;
}

}  // namespace rbmpi
