#include "rbmpi/train/rows_gradient.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "rbmpi/core/aligned_buffer.hpp"

namespace rbmpi {
namespace {

class SumsOfRanks final : public BatchGradient {
 public:
  SumsOfRanks(const ParameterLayout& layout, const RowsGradient::Function& function, const NodeShare& share,
              std::span<const Real> parameters, Arena& memory)
      : layout_(layout),
        function_(function),
        share_(share),
        parameters_(parameters),
        sums_(memory.take<Real>(share.slots * whole_lines<Real>(layout.size()))) {}

  BatchTotals propagate(const MiniBatch& batch, Shard /*chains*/, PhaseClock& clock) override {
    const std::span<Real> sums = sums_of(share_.slot);
    std::ranges::fill(sums, Real{0});
    const Shard mine = share_.rows_of_rank(batch.count);
    double loss = 0;
    if (mine.count > 0) loss = function_(batch.part(mine.first, mine.count), parameters_, sums);
    clock.lap(TimePhase::products);
    // Of a few hundred ranks and parts of a batch such losses can be added. Where the loss is no such number the
    // gradient is none either: then training has diverged.
    constexpr double largest = 0x1p54 * loss_unit;
    if (std::abs(loss) <= largest) return {.loss = std::llround(loss / loss_unit)};
    sums.front() = std::numeric_limits<Real>::quiet_NaN();
    return {};
  }

  void sum(GradientPhase /*phase*/, std::size_t array, Shard rows, std::size_t /*thread*/, Real* sums) override {
    const std::size_t first = layout_.offset(array, rows.first);
    const std::size_t count = rows.count * layout_[array].columns;
    std::copy_n(sums_of(0).data() + first, count, sums);
    for (std::size_t slot = 1; slot < share_.slots; ++slot) {
      const Real* const more = sums_of(slot).data() + first;
      for (std::size_t i = 0; i < count; ++i) sums[i] += more[i];
    }
  }

  [[nodiscard]] std::size_t panel_rows(std::size_t array) const noexcept override {
    constexpr std::size_t values = std::size_t{1} << 16U;
    const ParameterArray& all = layout_[array];
    return std::max<std::size_t>(values / all.columns / all.group, 1) * all.group;
  }

 private:
  [[nodiscard]] std::span<Real> sums_of(std::size_t slot) const {
    return sums_.subspan(slot * whole_lines<Real>(layout_.size()), layout_.size());
  }

  const ParameterLayout& layout_;
  const RowsGradient::Function& function_;
  NodeShare share_;
  std::span<const Real> parameters_;
  std::span<Real> sums_;  // of each slot, slots x whole_lines(parameters)
};

class RowsMeasures final : public EpochMeasures {
 public:
  RowsMeasures(const std::string& loss, const RowsGradient::Measurement& measurement, std::span<const Real> parameters)
      : loss_(loss), measurement_(measurement), parameters_(parameters) {}

  [[nodiscard]] std::string loss_name() const override { return loss_; }
  [[nodiscard]] bool measure(TrainingProgress& /*progress*/, std::vector<Figure>& figures) override {
    if (measurement_) measurement_(parameters_, figures);
    return true;
  }

 private:
  const std::string& loss_;
  const RowsGradient::Measurement& measurement_;
  std::span<const Real> parameters_;
};

}  // namespace

RowsGradient::RowsGradient(ParameterLayout layout, std::string loss, Function function, Beginning beginning,
                           Measurement measurement)
    : layout_(std::move(layout)),
      loss_(std::move(loss)),
      function_(std::move(function)),
      beginning_(std::move(beginning)),
      measurement_(std::move(measurement)) {}

void RowsGradient::begin(std::span<Real> parameters, bool is_first_of_node) const {
  if (is_first_of_node && beginning_) beginning_(parameters);
}

PreparedGradient RowsGradient::prepare(const NodeShare& share, std::span<Real> parameters, Workspace& memory) const {
  return {.follower = nullptr,
          .gradient = std::make_unique<SumsOfRanks>(layout_, function_, share, parameters, memory.node),
          .measures = std::make_unique<RowsMeasures>(loss_, measurement_, parameters)};
}

}  // namespace rbmpi
