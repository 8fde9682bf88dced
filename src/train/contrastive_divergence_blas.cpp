#include <algorithm>
#include <numeric>
#include <utility>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/gibbs/draws.hpp"
#include "train/contrastive_divergence.hpp"

namespace rbmpi {
namespace {

/// What the ranks of a node show each other: the states of its rows as floats.
struct ModelStates {
  ModelStates(RbmShape shape, const NodeShare& share, Arena& memory)
      : visible_data(memory.take<Real>(share.node_rows * shape.visible)),
        visible_model(memory.take<Real>(share.node_rows * shape.visible)),
        hidden_data(memory.take<Real>(share.node_rows * shape.hidden)),
        hidden_model(memory.take<Real>(share.node_rows * shape.hidden)),
        bias_differences(memory.take<Real>(share.slots * whole_lines<Real>(shape.visible + shape.hidden))) {}

  std::span<Real> visible_data;      // v0
  std::span<Real> visible_model;     // v1
  std::span<Real> hidden_data;       // fields, then h0p, then h0
  std::span<Real> hidden_model;      // fields, then h1p
  std::span<Real> bias_differences;  // sums of v0p - v1p and of h0 - h1p, of each slot
};

class ContrastiveDivergenceBlas final : public BatchGradient {
 public:
  ContrastiveDivergenceBlas(const EstimatorSettings& settings, Workspace& memory)
      : rbm_(settings.rbm),
        couplings_(settings.couplings),
        draws_{.seed = settings.options.seed, .layer = settings.options.layer},
        sample_data_(settings.options.sample_data),
        rounding_{settings.options.arithmetic == Arithmetic::exact,
                  state_grid(settings.rbm.shape(), settings.options.batch_size)},
        share_(settings.share),
        states_(rbm_.shape(), share_, memory.node) {
    const std::size_t visible = rbm_.shape().visible;
    const std::size_t rows = shard(share_.node_rows, 0, static_cast<int>(share_.slots)).count;
    visible_data_ = memory.rank.take<Real>(sample_data_ ? rows * visible : 0);
    visible_model_ = memory.rank.take<Real>(rows * padded_columns(visible));
    squared_errors_ = memory.rank.take<std::int64_t>(rows);
  }

  BatchTotals propagate(const MiniBatch& node_batch, Shard /*chains*/, PhaseClock& clock) override {
    node_rows_ = node_batch.count;
    const Shard mine = share_.rows_of_rank(node_rows_);
    const MiniBatch batch = node_batch.part(mine.first, mine.count);
    const std::size_t visible = rbm_.shape().visible;
    const std::size_t hidden = rbm_.shape().hidden;
    const MatrixView v0 = of_rows(states_.visible_data, mine, visible);
    const MatrixView v0p = sample_data_ ? MatrixView{visible_data_.data(), batch.count, visible} : v0;
    const MatrixView h0 = of_rows(states_.hidden_data, mine, hidden);
    const MatrixView v1p{visible_model_.data(), batch.count, couplings_.down_columns()};
    const MatrixView v1 = of_rows(states_.visible_model, mine, visible);
    const MatrixView h1p = of_rows(states_.hidden_model, mine, hidden);

    batch.rows->read_on_all_threads(batch.all(), rounding_, v0p);
    clock.lap(TimePhase::input);
    draws_.step = batch.step;
    draws_.first = batch.position;
    if (sample_data_) draw_rows(*rbm_.visible_unit, v0p, draws_, Phase::data, v0);
    clock.lap(TimePhase::sampling);

    if (sample_data_) {
      couplings_.up(v0, h0);
    } else {
      couplings_.up_from_probabilities(v0p, h0);
    }
    clock.lap(TimePhase::products);
    activate_and_draw_rows(h0, rbm_.hidden_units(), draws_, Phase::hidden);
    clock.lap(TimePhase::sampling);

    couplings_.down(h0, v1p);
    clock.lap(TimePhase::products);
    const UnitRow visible_units = rbm_.visible_units();
    parallel_for(batch.count, [&](std::size_t i) {
      visible_units.unit->draw(visible_units, rounding_, draws_.stream(Phase::visible, i), v1p.row(i), v1.row(i));
      squared_errors_[i] = squared_error(v0p.row(i), v1p.row(i), visible);
    });
    clock.lap(TimePhase::sampling);

    couplings_.up(v1, h1p);
    clock.lap(TimePhase::products);
    activate_rows(h1p, rbm_.hidden_units(), rounding_);
    const std::span<Real> differences =
        states_.bias_differences.subspan(share_.slot * whole_lines<Real>(visible + hidden), visible + hidden);
    set_to_differences(v0p, v1p, differences.first(visible));
    set_to_differences(h0, h1p, differences.last(hidden));
    clock.lap(TimePhase::sampling);
    return {.loss = std::accumulate(squared_errors_.data(), squared_errors_.data() + batch.count, std::int64_t{0})};
  }

  void sum(GradientPhase /*phase*/, std::size_t array, Shard rows, std::size_t /*thread*/, Real* sums) override {
    if (array == weights_array) return sum_weights(rows, {sums, rows.count, rbm_.shape().hidden});
    const std::size_t first = array == visible_array() ? 0 : rbm_.shape().visible;
    sum_biases(first + rows.first, rows.count, sums);
  }

  // Enough for matrix products at full speed; few enough for the gradient to stay in a cache until the update.
  [[nodiscard]] std::size_t panel_rows(std::size_t array) const noexcept override {
    return array == weights_array ? 256 : std::max(rbm_.shape().visible, rbm_.shape().hidden);
  }

 private:
  void sum_weights(Shard rows, MatrixView sums) const {
    const auto [V, H] = std::pair(rbm_.shape().visible, rbm_.shape().hidden);
    transposed_times({states_.visible_data.data(), node_rows_, V}, rows.first,
                     {states_.hidden_data.data(), node_rows_, H}, sums);
    subtract_transposed_times({states_.visible_model.data(), node_rows_, V}, rows.first,
                              {states_.hidden_model.data(), node_rows_, H}, sums);
  }

  /// Of biases from number `first` on, counted from the first visible one.
  void sum_biases(std::size_t first, std::size_t count, Real* gradient) const {
    std::fill_n(gradient, count, Real{0});
    const std::size_t biases = rbm_.shape().visible + rbm_.shape().hidden;
    for (std::size_t slot = 0; slot < share_.slots; ++slot) {
      const Real* const differences = states_.bias_differences.data() + slot * whole_lines<Real>(biases) + first;
      for (std::size_t i = 0; i < count; ++i) gradient[i] += differences[i];
    }
  }

  static MatrixView of_rows(std::span<Real> states, Shard rows, std::size_t columns) {
    return {states.data() + rows.first * columns, rows.count, columns};
  }

  /// sums[j] = sum over i of (a[i][j] - b[i][j]); each thread takes some of the columns.
  static void set_to_differences(ConstMatrixView a, ConstMatrixView b, std::span<Real> sums) {
    parallel_pieces(a.columns, [&](std::size_t first, std::size_t last) {
      std::fill(sums.data() + first, sums.data() + last, Real{0});
      for (std::size_t i = 0; i < a.rows; ++i) {
        add_difference(a.row(i) + first, b.row(i) + first, last - first, sums.data() + first);
      }
    });
  }

  RbmView<const Real> rbm_;
  Couplings& couplings_;
  Draws draws_;
  bool sample_data_;
  ProbabilityRounding rounding_;
  NodeShare share_;
  std::size_t node_rows_ = 0;  // of this part of the batch
  ModelStates states_;
  std::span<Real> visible_data_;   // v0p, where it is not v0
  std::span<Real> visible_model_;  // fields, then v1p
  std::span<std::int64_t> squared_errors_;
};

}  // namespace

std::unique_ptr<BatchGradient> make_contrastive_divergence_blas(const EstimatorSettings& settings, Workspace& memory) {
  return std::make_unique<ContrastiveDivergenceBlas>(settings, memory);
}

}  // namespace rbmpi
