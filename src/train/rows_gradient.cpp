#include "rbmpi/train/rows_gradient.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "rbmpi/core/aligned_buffer.hpp"

namespace rbmpi {

RowsGradient::RowsGradient(ParameterBlocks blocks, std::string loss, Function function, Beginning beginning,
                           Measurement measurement)
    : blocks_(std::move(blocks)),
      loss_(std::move(loss)),
      function_(std::move(function)),
      beginning_(std::move(beginning)),
      measurement_(std::move(measurement)) {}

void RowsGradient::prepare(const NodeShare& share, std::span<Real> parameters, Workspace& memory) {
  share_ = share;
  parameters_ = parameters;
  sums_ = memory.node.take<Real>(share.slots * whole_lines<Real>(blocks_.size()));
  check(parameters, share, memory.node);
}

void RowsGradient::begin(std::span<Real> parameters, bool is_first_of_node) {
  if (is_first_of_node && beginning_) beginning_(parameters);
}

std::span<Real> RowsGradient::sums_of(std::size_t slot) const {
  return sums_.subspan(slot * whole_lines<Real>(blocks_.size()), blocks_.size());
}

std::int64_t RowsGradient::take_rows(const MiniBatch& batch, PhaseClock& clock) {
  const std::span<Real> sums = sums_of(share_.slot);
  std::ranges::fill(sums, Real{0});
  const Shard mine = share_.rows_of_rank(batch.count);
  double loss = 0;
  if (mine.count > 0) loss = function_(batch.part(mine.first, mine.count), parameters_, sums);
  clock.lap(TimePhase::products);
  // Of a few hundred ranks and parts of a batch such losses can be added. Where the loss is no such number the gradient
  // is none either: then training has diverged.
  constexpr double largest = 0x1p54 * loss_unit;
  if (std::abs(loss) <= largest) return std::llround(loss / loss_unit);
  sums.front() = std::numeric_limits<Real>::quiet_NaN();
  return 0;
}

void RowsGradient::gradient(std::size_t block, Shard rows, std::size_t /*thread*/, Real* sums) {
  const std::size_t first = blocks_.offset(block, rows.first);
  const std::size_t count = rows.count * blocks_[block].columns;
  std::copy_n(sums_of(0).data() + first, count, sums);
  for (std::size_t slot = 1; slot < share_.slots; ++slot) {
    const Real* const more = sums_of(slot).data() + first;
    for (std::size_t i = 0; i < count; ++i) sums[i] += more[i];
  }
}

std::size_t RowsGradient::panel_rows(std::size_t block) const noexcept {
  constexpr std::size_t values = std::size_t{1} << 16U;
  const ParameterBlock& all = blocks_[block];
  return std::max<std::size_t>(values / all.columns / all.group, 1) * all.group;
}

bool RowsGradient::measure(TrainingProgress& /*progress*/, std::vector<Figure>& figures) {
  if (measurement_) measurement_(parameters_, figures);
  return true;
}

}  // namespace rbmpi
