#include "support/toy_estimator.hpp"

#include <algorithm>
#include <cmath>

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

/// What is left of the gradient of the weights for those of the biases, by the ranks of a node.
struct Rests {
  Rests(RbmShape shape, Arena& memory)
      : of_rows(memory.take<double>(shape.visible)),
        of_groups(memory.take<double>((shape.visible + rows_together - 1) / rows_together * shape.hidden)) {}
  std::span<double> of_rows;    // W' l: V
  std::span<double> of_groups;  // the part of W'^T m of each group of rows: groups x H
};

class ToyEstimator final : public BatchGradient {
 public:
  ToyEstimator(const EstimatorSettings& settings, std::uint64_t chains, Workspace& memory)
      : all_chains_(chains),
        rbm_(settings.rbm),
        couplings_(settings.couplings),
        share_(settings.share),
        draws_{.seed = settings.options.seed, .layer = settings.options.layer},
        rounding_{true, state_grid(rbm_.shape(), std::max(settings.options.batch_size, chains))},
        of_node_(shard(chains, share_.node, share_.nodes)),
        data_(rbm_.shape(), share_.node_rows, memory.node),
        model_(rbm_.shape(), share_.node_chains, memory.node),
        rests_(rbm_.shape(), memory.node),
        chains_(memory.node.take<Real>(of_node_.count * rbm_.shape().visible)),
        row_weights_(memory.node.take<Real>(share_.node_rows)),
        fields_(memory.rank.take<Real>(share_.node_chains * couplings_.down_columns())) {}

  void begin_state() override {
    const std::size_t V = rbm_.shape().visible;
    const Shard mine = share_.rows_of_rank(of_node_.count);
    for (std::uint64_t chain = mine.first; chain < mine.first + mine.count; ++chain) {
      for (std::size_t i = 0; i < V; ++i) chains_[chain * V + i] = toy_start(of_node_.first + chain, i);
    }
  }

  BatchTotals propagate(const MiniBatch& batch, Shard chains, PhaseClock& /*clock*/) override {
    data_.count = batch.count;
    model_.count = chains.count;
    const Shard rows = share_.rows_of_rank(batch.count);
    const Shard mine = share_.rows_of_rank(chains.count);
    draws_.step = batch.step;
    const double weight = take_data(batch.part(rows.first, rows.count), rows);
    sweep({chains.first + mine.first, mine.count}, mine);
    const auto in_units = [](double total) { return std::llround(total / weight_unit); };
    return {.loss = 0, .weights = {in_units(weight), in_units(static_cast<double>(mine.count))}};
  }

  void sum(GradientPhase phase, std::size_t array, Shard rows, std::size_t /*thread*/, Real* sums) override {
    const States& states = phase == GradientPhase::data ? data_ : model_;
    const ConstMatrixView v{states.visible.data(), states.count, rbm_.shape().visible};
    const ConstMatrixView h{states.hidden.data(), states.count, rbm_.shape().hidden};
    if (array == weights_array) {
      transposed_times(v, rows.first, h, {sums, rows.count, h.columns});
      return;
    }
    std::fill_n(sums, rows.count, Real{0});
    for (std::size_t i = 0; i < states.count; ++i) {
      const bool is_visible = array == visible_array();  // these have the weight in them
      const Real* const units = (is_visible ? v : h).row(i) + rows.first;
      const Real weight = is_visible || phase == GradientPhase::model ? 1 : row_weights_[i];
      for (std::size_t j = 0; j < rows.count; ++j) sums[j] += weight * units[j];
    }
  }

  void combine(std::size_t array, Shard rows, std::size_t /*thread*/, const PhaseSums& sums, std::span<Real> data,
               std::span<const Real> model) override {
    const auto [V, H] = std::pair(rbm_.shape().visible, rbm_.shape().hidden);
    const auto mean = [&](std::size_t unit) { return double{sums.shown[0][unit]} * double{sums.shares[0]}; };
    const auto bias = [&](std::size_t unit) {
      return mean(unit) - double{sums.shown[1][unit]} * double{sums.shares[1]};
    };
    if (array == weights_array) {
      for (std::size_t i = 0; i < rows.count; ++i) {
        const std::size_t unit = rows.first + i;
        double* const group = rests_.of_groups.data() + unit / rows_together * H;
        if (unit % rows_together == 0) std::fill_n(group, H, 0.0);
        double rest = 0;
        for (std::size_t j = 0; j < H; ++j) {
          const double gradient =
              double{data[i * H + j]} * double{sums.shares[0]} - double{model[i * H + j]} * double{sums.shares[1]};
          const double centred = gradient - bias(unit) * mean(V + j) - mean(unit) * bias(V + j);
          rest += centred * mean(V + j);
          group[j] += centred * mean(unit);
          data[i * H + j] = static_cast<Real>(centred * double{sums.mean_weight});
        }
        rests_.of_rows[unit] = rest;
      }
      return;
    }
    for (std::size_t i = 0; i < rows.count; ++i) {
      const std::size_t unit = rows.first + i;
      double rest = 0;
      if (array == visible_array()) {
        rest = bias(unit) - rests_.of_rows[unit];
      } else {
        rest = bias(V + unit);
        for (std::size_t place = unit; place < rests_.of_groups.size(); place += H) rest -= rests_.of_groups[place];
      }
      data[i] = static_cast<Real>(rest * double{sums.mean_weight});
    }
  }

  [[nodiscard]] std::size_t panel_rows(std::size_t array) const noexcept override {
    return array == weights_array ? rows_together : 5;
  }

  [[nodiscard]] std::vector<StateArray> state() override {
    return {{.name = "chains",
             .type = ElementType::float32,
             .rows = all_chains_,
             .columns = rbm_.shape().visible,
             .values = std::as_writable_bytes(chains_),
             .is_shared_out = true}};
  }

 private:
  /// Returns the total weight of the rows.
  double take_data(const MiniBatch& batch, Shard rows) {
    const auto [V, H] = std::pair(rbm_.shape().visible, rbm_.shape().hidden);
    const MatrixView v{data_.visible.data() + rows.first * V, rows.count, V};
    const MatrixView h{data_.hidden.data() + rows.first * H, rows.count, H};
    const std::span<Real> weights = row_weights_.subspan(rows.first, rows.count);
    draws_.first = batch.position;
    batch.rows->read_weights(batch.all(), weights);
    batch.rows->read(batch.all(), rounding_, v);
    draw_rows(*rbm_.visible_unit, v, draws_, Phase::data, v);
    couplings_.up(v, h);
    activate_rows(h, rbm_.hidden_units(), rounding_);
    double total = 0;
    for (std::size_t i = 0; i < rows.count; ++i) {
      total += double{weights[i]};
      for (std::size_t j = 0; j < V; ++j) v.row(i)[j] *= weights[i];
    }
    return total;
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

  std::uint64_t all_chains_;
  RbmView<const Real> rbm_;
  Couplings& couplings_;
  NodeShare share_;
  Draws draws_;
  ProbabilityRounding rounding_;
  Shard of_node_;  // chains
  States data_;
  States model_;
  Rests rests_;
  std::span<Real> chains_;  // visible states of all chains of the node
  std::span<Real> row_weights_;
  std::span<Real> fields_;
};

template <std::uint64_t chains>
GradientEstimatorEntry entry(const char* name) {
  return {.name = name,
          .summary = "persistent chains, for tests",
          .make = [](const EstimatorSettings& settings, Workspace& memory) -> std::unique_ptr<BatchGradient> {
            return std::make_unique<ToyEstimator>(settings, chains, memory);
          },
          .chains = [](const TrainingOptions&) { return chains; },
          .reads_weights = true,
          .shows = [](const TrainingOptions&, std::size_t array) { return array != weights_array; }};
}

}  // namespace

GradientEstimatorEntry toy_estimator() {
  return entry<toy_chains>("toy");
}

GradientEstimatorEntry many_toys_estimator() {
  return entry<many_toy_chains>("many-toys");
}

}  // namespace rbmpi::test
