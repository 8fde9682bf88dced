#include "support/toy_estimator.hpp"

#include <algorithm>

#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/gemm.hpp"
#include "rbmpi/gibbs/draws.hpp"

namespace rbmpi::test {
namespace {

/// States of some rows, or of some chains, that the ranks of a node show each other: n x V and n x H.
struct States {
  States(RbmShape shape, std::size_t most, Arena& memory)
      : visible(memory.take<Real>(most * shape.visible)), hidden(memory.take<Real>(most * shape.hidden)) {}
  std::span<Real> visible;
  std::span<Real> hidden;
  std::size_t count = 0;
};

class ToyEstimator final : public BatchGradient {
 public:
  ToyEstimator(const EstimatorSettings& settings, Workspace& memory)
      : rbm_(settings.rbm),
        couplings_(settings.couplings),
        share_(settings.share),
        draws_{.seed = settings.options.seed, .layer = settings.options.layer},
        rounding_{true, probability_grid(std::max(settings.options.batch_size, toy_chains))},
        of_node_(shard(toy_chains, share_.node, share_.nodes)),
        data_(rbm_.shape(), share_.node_rows, memory.node),
        model_(rbm_.shape(), share_.node_chains, memory.node),
        chains_(memory.node.take<Real>(of_node_.count * rbm_.shape().visible)),
        fields_(memory.rank.take<Real>(share_.node_chains * couplings_.down_columns())) {}

  BatchTotals propagate(const MiniBatch& batch, Shard chains, PhaseClock& /*clock*/) override {
    data_.count = batch.count;
    model_.count = chains.count;
    const Shard rows = share_.rows_of_rank(batch.count);
    const Shard mine = share_.rows_of_rank(chains.count);
    if (rows.count > 0) take_data(batch.part(rows.first, rows.count), rows);
    draws_.step = batch.step;
    if (mine.count > 0) sweep({chains.first + mine.first, mine.count}, mine);
    constexpr std::int64_t one = std::int64_t{1} << 24U;  // units of weight_unit
    return {.loss = 0,
            .weights = {one * static_cast<std::int64_t>(rows.count), one * static_cast<std::int64_t>(mine.count)}};
  }

  void sum(GradientPhase phase, std::size_t array, Shard rows, std::size_t /*thread*/, Real* sums) override {
    const States& states = phase == GradientPhase::data ? data_ : model_;
    const ConstMatrixView v{states.visible.data(), states.count, rbm_.shape().visible};
    const ConstMatrixView h{states.hidden.data(), states.count, rbm_.shape().hidden};
    if (array == weights_array) {
      transposed_times(v, rows.first, h, {sums, rows.count, h.columns});
      return;
    }
    const ConstMatrixView units = array == visible_bias_array ? v : h;
    std::fill_n(sums, rows.count, Real{0});
    for (std::size_t i = 0; i < units.rows; ++i) {
      for (std::size_t j = 0; j < rows.count; ++j) sums[j] += units.row(i)[rows.first + j];
    }
  }

  void combine(std::size_t array, Shard rows, const PhaseSums& sums, std::span<Real> data,
               std::span<const Real> model) override {
    BatchGradient::combine(array, rows, sums, data, model);
    if (array != weights_array) return;
    const auto [V, H] = std::pair(rbm_.shape().visible, rbm_.shape().hidden);
    const auto mean = [&](std::size_t unit) { return sums.shown[0][unit] * sums.factors[0]; };
    const auto bias = [&](std::size_t unit) { return mean(unit) - sums.shown[1][unit] * sums.factors[1]; };
    for (std::size_t i = 0; i < rows.count; ++i) {
      const std::size_t visible = rows.first + i;
      for (std::size_t j = 0; j < H; ++j) {
        data[i * H + j] -= bias(visible) * mean(V + j) + mean(visible) * bias(V + j);
      }
    }
  }

  [[nodiscard]] std::size_t panel_rows(std::size_t array) const noexcept override {
    return array == weights_array ? 16 : 5;
  }

  [[nodiscard]] std::vector<StateArray> state() override {
    return {{.name = "chains",
             .type = ElementType::float32,
             .rows = toy_chains,
             .columns = rbm_.shape().visible,
             .values = std::as_writable_bytes(chains_),
             .is_shared_out = true}};
  }

 private:
  void take_data(const MiniBatch& batch, Shard rows) {
    const auto [V, H] = std::pair(rbm_.shape().visible, rbm_.shape().hidden);
    const MatrixView v{data_.visible.data() + rows.first * V, rows.count, V};
    const MatrixView h{data_.hidden.data() + rows.first * H, rows.count, H};
    draws_.step = batch.step;
    draws_.first = batch.position;
    batch.rows->read(batch.all(), rounding_, v);
    draw_rows(*rbm_.visible_unit, v, draws_, Phase::data, v);
    couplings_.up(v, h);
    activate_rows(h, rbm_.hidden_units(), rounding_);
  }

  /// One sweep of these chains, which are `mine` among those of this part of the step; then the means of h given the v
  /// that ends it.
  void sweep(Shard chains, Shard mine) {
    const auto [V, H] = std::pair(rbm_.shape().visible, rbm_.shape().hidden);
    const MatrixView chain{chains_.data() + (chains.first - of_node_.first) * V, chains.count, V};
    const MatrixView v{model_.visible.data() + mine.first * V, mine.count, V};
    const MatrixView h{model_.hidden.data() + mine.first * H, mine.count, H};
    const MatrixView fields{fields_.data(), mine.count, couplings_.down_columns()};
    draws_.first = chains.first;
    couplings_.up(chain, h);
    activate_and_draw_rows(h, rbm_.hidden_units(), draws_, Phase::chain_hidden);
    couplings_.down(h, fields);
    activate_and_draw_rows(fields, rbm_.visible_units(), draws_, Phase::chain_visible);
    for (std::size_t i = 0; i < mine.count; ++i) {
      std::copy_n(fields.row(i), V, chain.row(i));
      std::copy_n(fields.row(i), V, v.row(i));
    }
    couplings_.up(v, h);
    activate_rows(h, rbm_.hidden_units(), rounding_);
  }

  RbmView<const Real> rbm_;
  Couplings& couplings_;
  NodeShare share_;
  Draws draws_;
  ProbabilityRounding rounding_;
  Shard of_node_;  // chains
  States data_;
  States model_;
  std::span<Real> chains_;  // visible states of all chains of the node
  std::span<Real> fields_;
};

}  // namespace

GradientEstimatorEntry toy_estimator() {
  return {.name = "toy",
          .summary = "persistent chains, for tests",
          .make = [](const EstimatorSettings& settings, Workspace& memory) -> std::unique_ptr<BatchGradient> {
            return std::make_unique<ToyEstimator>(settings, memory);
          },
          .chains = [](const TrainingOptions&) { return toy_chains; },
          .shows = [](std::size_t array) { return array != weights_array; }};
}

}  // namespace rbmpi::test
