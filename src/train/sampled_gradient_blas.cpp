#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/gibbs/draws.hpp"
#include "train/sampled_gradient.hpp"

namespace rbmpi {
namespace {

/// The states of rows or of chains that the ranks of a node show each other.
struct ModelStates {
  ModelStates(RbmShape shape, std::size_t rows, Arena& memory)
      : visible(memory.take<Real>(rows * shape.visible)), hidden(memory.take<Real>(rows * shape.hidden)) {}

  std::span<Real> visible;  // v
  std::span<Real> hidden;   // what the sums take: h, or fields and then hp
};

class SampledGradientBlas final : public SampledGradient {
 public:
  SampledGradientBlas(const EstimatorSettings& settings, Workspace& memory)
      : SampledGradient(settings, memory),
        sample_data_(settings.options.sample_data),
        data_(rbm_.shape(), share_.node_rows, memory.node),
        model_(rbm_.shape(), plan_.persistent() ? share_.node_chains : share_.node_rows, memory.node) {
    const std::size_t visible = rbm_.shape().visible;
    const std::size_t biases = whole_lines<Real>(visible + rbm_.shape().hidden);
    const auto most_of_rank = [&](std::size_t all) { return shard(all, 0, static_cast<int>(share_.slots)).count; };
    const std::size_t rows = most_of_rank(share_.node_rows);
    const std::size_t chains = plan_.persistent() ? most_of_rank(share_.node_chains) : rows;
    for (std::size_t phase = 0; phase < (plan_.two_phases ? gradient_phases : 1); ++phase) {
      bias_sums_[phase] = memory.node.take<Real>(share_.slots * biases);
    }
    visible_data_ = memory.rank.take<Real>(sample_data_ ? rows * visible : 0);
    visible_model_ = memory.rank.take<Real>(chains * couplings_.down_columns());
    hidden_ = memory.rank.take<Real>(chains_have_own_hidden() ? chains * rbm_.shape().hidden : 0);
    squared_errors_ = memory.rank.take<std::int64_t>(rows);
  }

  BatchTotals propagate(const MiniBatch& node_batch, Shard chains, PhaseClock& clock) override {
    begin_part(node_batch, chains);
    const Shard rows = share_.rows_of_rank(rows_);
    const Shard mine = share_.rows_of_rank(chains_here_.count);
    const MiniBatch batch = node_batch.part(rows.first, rows.count);
    const MatrixView v0 = of_rows(data_.visible, rows, rbm_.shape().visible);
    const MatrixView v0p = sample_data_ ? MatrixView{visible_data_.data(), v0.rows, v0.columns} : v0;
    const MatrixView h = chains_have_own_hidden() ? MatrixView{hidden_.data(), mine.count, rbm_.shape().hidden}
                                                  : of_rows(data_.hidden, rows, rbm_.shape().hidden);

    batch.rows->read_on_all_threads(batch.all(), plan_.rounding, v0p);
    clock.lap(TimePhase::input);
    sample_rows(rows, v0p, v0, h, clock);
    if (plan_.persistent()) take_chains(mine, h);
    for (std::uint64_t sweep = 0; sweep < plan_.sweeps; ++sweep) {
      sample_visible(sweep, mine, h, clock);
      if (sweep == 0 && !plan_.persistent()) {
        parallel_for(v0p.rows, [&](std::size_t i) {
          squared_errors_[i] = loss(rows.first + i, squared_error(v0p.row(i), visible_means(i), v0p.columns));
        });
      }
      sample_hidden(sweep, mine, h, clock);
    }
    sum_biases(rows, v0p, mine);
    clock.lap(TimePhase::sampling);
    const std::size_t reconstructed = plan_.persistent() ? 0 : v0p.rows;
    return totals(std::accumulate(squared_errors_.data(), squared_errors_.data() + reconstructed, std::int64_t{0}));
  }

  void sum(GradientPhase phase, std::size_t array, Shard rows, std::size_t /*thread*/, Real* sums) override {
    if (array == weights_array) return sum_weights(phase, rows, {sums, rows.count, rbm_.shape().hidden});
    const std::size_t first = array == visible_array() ? 0 : rbm_.shape().visible;
    add_slots(phase, first + rows.first, rows.count, sums);
  }

  // Enough for matrix products at full speed; few enough for the gradient to stay in a cache until the update.
  [[nodiscard]] std::size_t panel_rows(std::size_t array) const noexcept override {
    return array == weights_array ? 256 : std::max(rbm_.shape().visible, rbm_.shape().hidden);
  }

 private:
  /// Whether h of the chains is not h0 as the sums take it, all along.
  [[nodiscard]] bool chains_have_own_hidden() const {
    return plan_.persistent() || plan_.hidden_means || plan_.weighted || plan_.sweeps > 1;
  }

  /// v0, and what the sums take of h0. Where chains begin at the rows, `h` becomes h0.
  void sample_rows(Shard rows, ConstMatrixView v0p, MatrixView v0, MatrixView h, PhaseClock& clock) {
    Draws draws = row_draws();
    draws.first += rows.first;
    if (sample_data_) draw_rows(*rbm_.visible_unit, v0p, draws, Phase::data, v0);
    clock.lap(TimePhase::sampling);
    const MatrixView h0 = of_rows(data_.hidden, rows, rbm_.shape().hidden);
    form_hidden_fields(v0, sample_data_, h0);
    clock.lap(TimePhase::products);
    draws = hidden_draws();
    draws.first += rows.first;
    const UnitRow units = rbm_.hidden_units();
    parallel_for(h0.rows, [&](std::size_t i) {
      const RandomStream stream = draws.stream(Phase::hidden, i);
      if (!plan_.persistent() && h.values != h0.values) {
        std::copy_n(h0.row(i), h0.columns, h.row(i));
        units.unit->draw(units, unrounded, stream, h.row(i), h.row(i));
      }
      if (plan_.hidden_means) {
        units.unit->mean(units, plan_.rounding, h0.row(i));
      } else {
        units.unit->draw(units, unrounded, stream, h0.row(i), h0.row(i));
      }
      weigh(GradientPhase::data, rows.first + i, h0.columns, h0.row(i));
    });
    clock.lap(TimePhase::sampling);
  }

  /// h of persistent chains, as they were left.
  void take_chains(Shard mine, MatrixView h) {
    const ConstBitMatrixView states = chains_->hidden({chains_here_.first + mine.first, mine.count});
    parallel_for(h.rows, [&](std::size_t i) {
      for (std::size_t j = 0; j < h.columns; ++j) h.row(i)[j] = states.at(i, j) ? Real{1} : Real{0};
    });
  }

  /// From h to v, drawn or their means; the means are then those of visible_means().
  void sample_visible(std::uint64_t sweep, Shard mine, ConstMatrixView h, PhaseClock& clock) {
    const MatrixView v = of_rows(model_.visible, mine, rbm_.shape().visible);
    couplings_.down(h, {visible_model_.data(), mine.count, couplings_.down_columns()});
    clock.lap(TimePhase::products);
    Draws draws = sweep_draws(sweep);
    draws.first += mine.first;
    const UnitRow units = rbm_.visible_units();
    const ProbabilityRounding rounding = plan_.persistent() ? unrounded : plan_.rounding;
    parallel_for(v.rows, [&](std::size_t i) {
      if (plan_.visible_means) {
        units.unit->mean(units, rounding, visible_means(i));
        std::copy_n(visible_means(i), v.columns, v.row(i));
      } else {
        units.unit->draw(units, rounding, draws.stream(visible_phase(), i), visible_means(i), v.row(i));
      }
    });
    clock.lap(TimePhase::sampling);
  }

  /// From v to h for the next sweep or step; and to what the sums take of h after the last one.
  void sample_hidden(std::uint64_t sweep, Shard mine, MatrixView h, PhaseClock& clock) {
    const MatrixView fields = of_rows(model_.hidden, mine, h.columns);
    form_hidden_fields(of_rows(model_.visible, mine, rbm_.shape().visible), !plan_.visible_means, fields);
    clock.lap(TimePhase::products);
    Draws draws = draws_after(sweep);
    draws.first += mine.first;
    const UnitRow units = rbm_.hidden_units();
    parallel_for(h.rows, [&](std::size_t i) {
      if (!is_last(sweep) || plan_.persistent()) {
        std::copy_n(fields.row(i), h.columns, h.row(i));
        units.unit->draw(units, unrounded, draws.stream(hidden_phase(), i), h.row(i), h.row(i));
      }
      if (!is_last(sweep)) return;
      units.unit->mean(units, plan_.rounding, fields.row(i));
      weigh(GradientPhase::model, mine.first + i, fields.columns, fields.row(i));
      if (plan_.persistent()) leave_chain(mine.first + i, h.row(i));
    });
    clock.lap(TimePhase::sampling);
  }

  /// A persistent chain, by its number among those that the node takes.
  void leave_chain(std::size_t chain, const Real* h) {
    const Shard one{chains_here_.first + chain, 1};
    keep_visible(chain);
    pack(model_.visible.data() + chain * rbm_.shape().visible, chains_->visible(one));
    pack(h, chains_->hidden(one));
  }
  static void pack(const Real* states, BitMatrixView bits) {
    std::fill_n(bits.words, bits.row_words(), std::uint64_t{0});
    for (std::size_t j = 0; j < bits.columns; ++j) {
      if (states[j] != 0) bits.turn_on(0, j);
    }
  }

  /// v W, of states or of means.
  void form_hidden_fields(ConstMatrixView v, bool are_states, MatrixView fields) {
    if (are_states) {
      couplings_.up(v, fields);
    } else {
      couplings_.up_from_probabilities(v, fields);
    }
  }

  /// Of this rank's rows and chains: with one phase the differences of the sums, with v0p and vp, which have less noise
  /// than states; else both sums.
  void sum_biases(Shard rows, ConstMatrixView v0p, Shard mine) {
    const std::size_t visible = rbm_.shape().visible;
    const std::size_t hidden = rbm_.shape().hidden;
    const auto sums = [&](GradientPhase phase) {
      return bias_sums_[static_cast<std::size_t>(phase)].subspan(share_.slot * whole_lines<Real>(visible + hidden),
                                                                 visible + hidden);
    };
    const ConstMatrixView h0 = of_rows(data_.hidden, rows, hidden);
    const ConstMatrixView hp = of_rows(model_.hidden, mine, hidden);
    if (!plan_.two_phases) {
      set_to_differences(v0p, {visible_model_.data(), mine.count, couplings_.down_columns()},
                         sums(GradientPhase::data).first(visible));
      set_to_differences(h0, hp, sums(GradientPhase::data).last(hidden));
      return;
    }
    sum_visible(GradientPhase::data, rows, of_rows(data_.visible, rows, visible),
                sums(GradientPhase::data).first(visible));
    set_to_sums(h0, sums(GradientPhase::data).last(hidden));
    sum_visible(GradientPhase::model, mine, of_rows(model_.visible, mine, visible),
                sums(GradientPhase::model).first(visible));
    set_to_sums(hp, sums(GradientPhase::model).last(hidden));
  }

  /// States or means v of these rows or chains of the node, which are not weighted yet, as those of h are.
  void sum_visible(GradientPhase phase, Shard rows, ConstMatrixView v, std::span<Real> sums) const {
    if (!plan_.weighs(phase)) return set_to_sums(v, sums);
    constexpr std::size_t at_once = 256;
    parallel_pieces(v.columns, [&](std::size_t begin, std::size_t end) {
      Real weighed[at_once];  // NOLINT(cppcoreguidelines-pro-type-member-init): written before it is read
      std::fill(sums.data() + begin, sums.data() + end, Real{0});
      for (std::size_t first = begin; first < end; first += at_once) {
        const std::size_t count = std::min(at_once, end - first);
        for (std::size_t i = 0; i < v.rows; ++i) {
          rbmpi::weigh(v.row(i) + first, weight(rows.first + i), count, weighting_.rounding, weighed);
          add_values(weighed, count, sums.data() + first);
        }
      }
    });
  }

  void sum_weights(GradientPhase phase, Shard rows, MatrixView sums) const {
    const auto [V, H] = std::pair(rbm_.shape().visible, rbm_.shape().hidden);
    const ConstMatrixView v{model_.visible.data(), chains_here_.count, V};
    const ConstMatrixView hp{model_.hidden.data(), chains_here_.count, H};
    if (phase == GradientPhase::model) return transposed_times(v, rows.first, hp, sums);
    transposed_times({data_.visible.data(), rows_, V}, rows.first, {data_.hidden.data(), rows_, H}, sums);
    if (!plan_.two_phases) subtract_transposed_times(v, rows.first, hp, sums);
  }

  /// Of biases from number `first` on, counted from the first visible one.
  void add_slots(GradientPhase phase, std::size_t first, std::size_t count, Real* gradient) const {
    std::fill_n(gradient, count, Real{0});
    const std::size_t biases = whole_lines<Real>(rbm_.shape().visible + rbm_.shape().hidden);
    for (std::size_t slot = 0; slot < share_.slots; ++slot) {
      add_values(bias_sums_[static_cast<std::size_t>(phase)].data() + slot * biases + first, count, gradient);
    }
  }

  /// vp of chain i of this rank: the first V of it.
  [[nodiscard]] Real* visible_means(std::size_t i) const {
    return visible_model_.data() + i * couplings_.down_columns();
  }

  static MatrixView of_rows(std::span<Real> states, Shard rows, std::size_t columns) {
    return {states.data() + rows.first * columns, rows.count, columns};
  }

  /// sums[j] = sum over i of a[i][j]; each thread takes some of the columns.
  static void set_to_sums(ConstMatrixView a, std::span<Real> sums) {
    parallel_pieces(a.columns, [&](std::size_t first, std::size_t last) {
      std::fill(sums.data() + first, sums.data() + last, Real{0});
      for (std::size_t i = 0; i < a.rows; ++i) add_values(a.row(i) + first, last - first, sums.data() + first);
    });
  }
  /// sums[j] = sum over i of (a[i][j] - b[i][j]).
  static void set_to_differences(ConstMatrixView a, ConstMatrixView b, std::span<Real> sums) {
    parallel_pieces(a.columns, [&](std::size_t first, std::size_t last) {
      std::fill(sums.data() + first, sums.data() + last, Real{0});
      for (std::size_t i = 0; i < a.rows; ++i) {
        add_difference(a.row(i) + first, b.row(i) + first, last - first, sums.data() + first);
      }
    });
  }

  bool sample_data_;
  ModelStates data_;                                        // v0 and h0, or h0p
  ModelStates model_;                                       // v and hp of the last sweep
  std::array<std::span<Real>, gradient_phases> bias_sums_;  // of each slot
  std::span<Real> visible_data_;                            // v0p, where it is not v0
  std::span<Real> visible_model_;                           // fields, then vp: n x down_columns
  std::span<Real> hidden_;                                  // h of the chains of this rank, where it is not h0
  std::span<std::int64_t> squared_errors_;
};

}  // namespace

std::unique_ptr<BatchGradient> make_sampled_gradient_blas(const EstimatorSettings& settings, Workspace& memory) {
  return std::make_unique<SampledGradientBlas>(settings, memory);
}

}  // namespace rbmpi
