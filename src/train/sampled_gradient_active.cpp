#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "rbmpi/core/state_kernels.hpp"
#include "rbmpi/core/state_products.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/gibbs/worker_grid.hpp"
#include "train/sampled_gradient.hpp"

// The workers of a node form a grid (gibbs/worker_grid.hpp), in which each samples some visible units for some rows.

namespace rbmpi {
namespace {

WorkerGrid grid_of(RbmShape shape, const SampledGradientPlan& plan, const NodeShare& share) {
  const std::uint64_t chains = plan.persistent() ? share.node_chains : share.node_rows;
  const std::uint64_t most = std::max(share.node_rows, chains);
  return WorkerGrid({.visible = shape.visible,
                     .rows = most,
                     .passes = (share.node_rows + plan.sweeps * chains + most - 1) / most,
                     .slots = share.slots,
                     .threads = share.threads,
                     .group = rows_together});
}

/// Visible states of rows or chains, in a piece for each part of the units: B x n.
class VisibleStates {
 public:
  VisibleStates(const WorkerGrid& grid, std::size_t rows, Arena& memory) : grid_(&grid) {
    for (std::size_t part = 0; part < grid.unit_parts(); ++part) {
      pieces_.push_back(memory.take<std::uint64_t>(rows * words_for(grid.units(part).count)));
    }
  }

  /// Some rows of a part.
  [[nodiscard]] BitMatrixView rows(std::size_t part, Shard rows) const {
    const std::size_t units = grid_->units(part).count;
    return {pieces_[part].data() + rows.first * words_for(units), rows.count, units};
  }

  /// All units of a row.
  void copy_row(std::size_t row, std::uint64_t* states) const {
    for (std::size_t part = 0; part < grid_->unit_parts(); ++part) {
      const BitMatrixView piece = rows(part, {row, 1});
      const std::size_t first = grid_->units(part).first;
      const std::size_t shift = first % 64;
      for (std::size_t word = 0; word < piece.row_words(); ++word) {
        // What lies behind the units of the part is 0, and so is what the parts before have left of the word.
        std::uint64_t* const to = states + first / 64 + word;
        *to = (shift == 0 ? 0 : *to & ((std::uint64_t{1} << shift) - 1)) | piece.words[word] << shift;
        const std::size_t units_left = piece.columns - 64 * word;
        if (shift > 0 && units_left > 64 - shift) to[1] = piece.words[word] >> (64 - shift);
      }
    }
  }

 private:
  const WorkerGrid* grid_;
  std::vector<std::span<std::uint64_t>> pieces_;
};

/// What the workers show each other, of the rows and of the chains that the node takes together.
struct Shown {
  Shown(RbmShape shape, const SampledGradientPlan& plan, const NodeShare& share, const WorkerGrid& grid, Arena& memory)
      : fields_of_worker(whole_lines<Real>(grid.largest_block() * shape.hidden)),
        hidden_fields{memory.take<Real>(grid.workers() * fields_of_worker),
                      memory.take<Real>(grid.workers() * fields_of_worker)},
        visible_data(grid, share.node_rows, memory),
        visible_model(grid, plan.persistent() ? share.node_chains : share.node_rows, memory),
        hidden_data(memory.take<std::uint64_t>(draws_hidden(plan) ? share.node_rows * words_for(shape.hidden) : 0)),
        hidden_data_numbers(memory.take<Real>(plan.hidden_means || plan.weighted ? share.node_rows * shape.hidden : 0)),
        hidden_next(memory.take<std::uint64_t>(
            !plan.persistent() && plan.sweeps > 1 ? share.node_rows * words_for(shape.hidden) : 0)),
        hidden_model(memory.take<Real>((plan.persistent() ? share.node_chains : share.node_rows) * shape.hidden)),
        visible_differences(memory.take<Real>(grid.row_parts() * whole_lines<Real>(shape.visible))),
        hidden_sums{memory.take<Real>(grid.workers() * whole_lines<Real>(shape.hidden)),
                    memory.take<Real>(plan.two_phases ? grid.workers() * whole_lines<Real>(shape.hidden) : 0)} {}

  /// Whether h0 is drawn.
  static bool draws_hidden(const SampledGradientPlan& plan) { return !plan.persistent() || !plan.hidden_means; }

  std::size_t fields_of_worker;
  /// Sums over the units of a worker, block x H for each worker, by turns, so that one can be read while the other is
  /// written.
  std::array<std::span<Real>, 2> hidden_fields;
  VisibleStates visible_data;            ///< v0
  VisibleStates visible_model;           ///< v of the last sweep
  std::span<std::uint64_t> hidden_data;  ///< h0: B x H
  std::span<Real> hidden_data_numbers;   ///< what the sums take of them where it is not h0: h0p, weighted h0 or h0p
  std::span<std::uint64_t> hidden_next;  ///< h of chains that begin at the rows, after the first sweep
  std::span<Real> hidden_model;          ///< hp of the last sweep
  std::span<Real> visible_differences;   ///< with one phase, sums of v0p - vp, for each part of the rows
  /// Sums of h0 - hp over the rows that each worker finishes; with two phases those of h0 and of hp.
  std::array<std::span<Real>, gradient_phases> hidden_sums;
};

/// Memory of one worker with n visible units.
struct Scratch {
  Scratch(RbmShape shape, std::size_t most_rows, const WorkerGrid& grid, std::size_t number, Arena& memory)
      : worker(number),
        visible(grid.units(grid.unit_part(number))),
        data(memory.take<Real>(grid.largest_block() * visible.count)),
        fields(memory.take<Real>(grid.largest_block() * visible.count)),
        unused_differences(memory.take<Real>(visible.count)),
        row_fields(memory.take<Real>(shape.hidden)),
        visible_data(memory.take<std::uint64_t>(grid.most_units() * words_for(most_rows))),
        visible_model(memory.take<std::uint64_t>(grid.most_units() * words_for(most_rows))) {}

  std::size_t worker;
  Shard visible;                                // its units
  std::span<Real> data;                         // v0p: block x n
  std::span<Real> fields;                       // of v: block x n
  std::span<Real> unused_differences;           // n, of sweeps whose v is not summed
  std::span<Real> row_fields;                   // of the hidden units for one row
  std::span<std::uint64_t> visible_data;        // v0 of all rows of the node, transposed: n x B
  std::span<std::uint64_t> visible_model;       // v
  alignas(64) std::uint64_t squared_error = 0;  // of its units and rows
};

class SampledGradientActive final : public SampledGradient {
 public:
  SampledGradientActive(const EstimatorSettings& settings, Workspace& memory)
      : SampledGradient(settings, memory),
        shared_(memory.node),
        grid_(grid_of(rbm_.shape(), plan_, share_)),
        shown_(rbm_.shape(), plan_, share_, grid_, memory.node) {
    const std::size_t most_rows = std::max(share_.node_rows, share_.node_chains);
    for (std::size_t thread = 0; thread < share_.threads; ++thread) {
      scratch_.emplace_back(rbm_.shape(), most_rows, grid_, share_.worker(thread), memory.rank);
    }
  }

  BatchTotals propagate(const MiniBatch& batch, Shard chains, PhaseClock& clock) override {
    begin_part(batch, chains);
    on_all_threads([&](Scratch& scratch) {
      scratch.squared_error = 0;
      std::ranges::fill(visible_differences(scratch), Real{0});
      for (const GradientPhase phase : phases()) std::ranges::fill(hidden_sums(phase, scratch.worker), Real{0});
    });
    for_each_block(rows_, [&](std::uint64_t first) {
      sample_rows(batch, first, clock);
      if (!plan_.persistent()) sweep_chains(first, clock);
    });
    if (plan_.persistent())
      for_each_block(chains_here_.count, [&](std::uint64_t first) { sweep_chains(first, clock); });
    const std::uint64_t error =
        std::accumulate(scratch_.begin(), scratch_.end(), std::uint64_t{0},
                        [](std::uint64_t sum, const Scratch& scratch) { return sum + scratch.squared_error; });
    return totals(static_cast<std::int64_t>(error));
  }

  void sum(GradientPhase phase, std::size_t array, Shard rows, std::size_t thread, Real* sums) override {
    if (array == weights_array) return sum_weights(phase, rows, thread, {sums, rows.count, rbm_.shape().hidden});
    if (array != visible_array()) return sum_hidden_bias(phase, rows, sums);
    plan_.two_phases ? sum_visible(phase, rows, thread, sums) : sum_visible_differences(rows, sums);
  }

  // Enough for what is prepared from the hidden states to serve many rows, few enough for the gradient to stay in a
  // cache until the update.
  [[nodiscard]] std::size_t panel_rows(std::size_t array) const noexcept override {
    return array == weights_array ? 128 : std::max(rbm_.shape().visible, rbm_.shape().hidden);
  }

 private:
  [[nodiscard]] std::span<const GradientPhase> phases() const {
    static constexpr GradientPhase both[] = {GradientPhase::data, GradientPhase::model};
    return {both, plan_.two_phases ? gradient_phases : 1};
  }

  template <typename Body>
  void on_all_threads(const Body& body) {
    parallel_for(scratch_.size(), [&](std::size_t thread) { body(scratch_[thread]); });
  }

  /// Calls body(first) for blocks of the node's rows or chains. All workers go through equally many, as they wait for
  /// each other.
  template <typename Body>
  void for_each_block(std::uint64_t count, const Body& body) {
    const std::uint64_t most_rows = grid_.rows(count, 0).count;
    for (std::uint64_t first = 0; first < most_rows; first += rows_through_machine) body(first);
  }

  void sample_rows(const MiniBatch& batch, std::uint64_t first, PhaseClock& clock) {
    on_all_threads([&](Scratch& s) { sample_data(batch, row_block(first, s), s, clock_of(s, clock)); });
    wait_for_fields(clock);
    on_all_threads([&](Scratch& s) { sample_hidden(row_block(first, s), s); });
    turn_ = 1 - turn_;
    clock.lap(TimePhase::sampling);
  }

  void sweep_chains(std::uint64_t first, PhaseClock& clock) {
    for (std::uint64_t sweep = 0; sweep < plan_.sweeps; ++sweep) {
      // The hidden states of a row are drawn by one worker and read by all that have it.
      if (sweep > 0 || !plan_.persistent()) wait_for_fields(clock);
      on_all_threads([&](Scratch& s) { sample_visible(sweep, chain_block(first, s), s, clock_of(s, clock)); });
      wait_for_fields(clock);
      on_all_threads([&](Scratch& s) { finish_sweep(sweep, chain_block(first, s), s); });
      turn_ = 1 - turn_;
      clock.lap(TimePhase::sampling);
    }
  }

  [[nodiscard]] PhaseClock* clock_of(const Scratch& scratch, PhaseClock& clock) const {
    return &scratch == scratch_.data() ? &clock : nullptr;
  }

  /// The rows of the node's that a worker takes through the machine next, `first` of its rows being done.
  [[nodiscard]] Shard row_block(std::uint64_t first, const Scratch& scratch) const {
    return grid_.block(rows_, scratch.worker, first);
  }
  [[nodiscard]] Shard chain_block(std::uint64_t first, const Scratch& scratch) const {
    return grid_.block(chains_here_.count, scratch.worker, first);
  }

  void wait_for_fields(PhaseClock& clock) const {
    if (grid_.unit_parts() == 1) return;
    shared_.synchronise();
    clock.lap(TimePhase::exchange);
  }

  /// From the data to v0 of the worker's units, and their sums for h0.
  void sample_data(const MiniBatch& batch, Shard block, Scratch& scratch, PhaseClock* clock) {
    const BitMatrixView v0 = shown_.visible_data.rows(grid_.unit_part(scratch.worker), block);
    Draws draws = row_draws();
    draws.first += block.first;
    batch.rows->draw({batch.first + block.first, block.count}, scratch.visible, plan_.rounding, draws, Phase::data,
                     {scratch.data.data(), block.count, scratch.visible.count}, v0);
    lap(clock, TimePhase::input);
    couplings_.up(v0, scratch.visible, hidden_fields(scratch.worker, block));
    lap(clock, TimePhase::products);
  }

  /// From the sums of all workers with these rows to h0, h0p, or both, for some of them.
  void sample_hidden(Shard block, Scratch& scratch) {
    const std::size_t hidden = rbm_.shape().hidden;
    const Real* const bias = rbm_.hidden_bias.data();
    const BitMatrixView h0{shown_.hidden_data.data(), rows_, hidden};
    const MatrixView numbers{shown_.hidden_data_numbers.data(), rows_, hidden};
    const Draws draws = hidden_draws();
    const std::span<Real> sums = hidden_sums(GradientPhase::data, scratch.worker);
    for_each_finished_row(block, scratch, [&](std::size_t row) {
      const Real* const fields = fields_of_row(block, row, scratch);
      const RandomStream stream = draws.stream(Phase::hidden, row);
      if (!plan_.hidden_means) {
        activate_and_sample(fields, bias, hidden, stream, h0.row(row));
      } else if (plan_.persistent()) {
        std::copy_n(fields, hidden, numbers.row(row));
        activate(numbers.row(row), bias, hidden, plan_.rounding);
      } else {
        activate_and_sample(fields, bias, hidden, plan_.rounding, stream, numbers.row(row), h0.row(row));
      }
      if (!plan_.two_phases) return;
      if (!sums_numbers()) return for_each_unit_on(h0, row, [&](std::size_t j) { sums[j] += 1; });
      if (!plan_.hidden_means) states_to_numbers(h0.row(row), hidden, numbers.row(row));
      weigh(GradientPhase::data, row, hidden, numbers.row(row));
      add_values(numbers.row(row), hidden, sums.data());
    });
  }

  /// Whether the sums over rows take numbers of the hidden units, not states.
  [[nodiscard]] bool sums_numbers() const { return plan_.hidden_means || plan_.weighted; }

  /// From which h a sweep begins, and where that after it goes: of chains [n x H].
  [[nodiscard]] BitMatrixView hidden_before(std::uint64_t sweep) const {
    return sweep == 0 && !plan_.persistent() ? BitMatrixView{shown_.hidden_data.data(), rows_, rbm_.shape().hidden}
                                             : hidden_after();
  }
  [[nodiscard]] BitMatrixView hidden_after() const {
    return plan_.persistent() ? chains_->hidden(chains_here_)
                              : BitMatrixView{shown_.hidden_next.data(), rows_, rbm_.shape().hidden};
  }

  /// From h to v of the worker's units, and their sums for h.
  void sample_visible(std::uint64_t sweep, Shard block, Scratch& scratch, PhaseClock* clock) {
    const auto [first, count] = scratch.visible;
    const BitMatrixView h = hidden_before(sweep);
    const BitMatrixView v = shown_.visible_model.rows(grid_.unit_part(scratch.worker), block);
    const MatrixView fields{scratch.fields.data(), block.count, count};
    const Real* const bias = rbm_.visible_bias.data() + first;
    couplings_.down({h.row(block.first), block.count, h.columns}, scratch.visible, fields);
    lap(clock, TimePhase::products);
    const Draws draws = sweep_draws(sweep);
    const std::span<Real> differences = is_last(sweep) ? visible_differences(scratch) : scratch.unused_differences;
    for (std::size_t i = 0; count > 0 && i < block.count; ++i) {
      const RandomStream stream = draws.stream(visible_phase(), block.first + i).from_unit(first);
      if (plan_.persistent()) {
        activate_and_sample(fields.row(i), bias, count, stream, v.row(i));
        continue;
      }
      const std::int64_t error = reconstruct(fields.row(i), bias, scratch.data.data() + i * count, count,
                                             plan_.rounding, stream, v.row(i), differences.data());
      if (sweep == 0) scratch.squared_error += static_cast<std::uint64_t>(loss(block.first + i, error));
    }
    lap(clock, TimePhase::sampling);
    couplings_.up(v, scratch.visible, hidden_fields(scratch.worker, block));
    lap(clock, TimePhase::products);
  }

  /// From the sums of all workers with these rows to hp in the last sweep, and to h where there is another one, for
  /// some of them.
  void finish_sweep(std::uint64_t sweep, Shard block, Scratch& scratch) {
    const std::size_t hidden = rbm_.shape().hidden;
    const Real* const bias = rbm_.hidden_bias.data();
    const MatrixView hp{shown_.hidden_model.data(), chains_here_.count, hidden};
    const BitMatrixView h = hidden_after();
    const Draws draws = draws_after(sweep);
    for_each_finished_row(block, scratch, [&](std::size_t row) {
      const Real* const fields = fields_of_row(block, row, scratch);
      const RandomStream stream = draws.stream(hidden_phase(), row);
      if (!is_last(sweep)) {
        activate_and_sample(fields, bias, hidden, stream, h.row(row));
      } else if (plan_.persistent()) {
        activate_and_sample(fields, bias, hidden, plan_.rounding, stream, hp.row(row), h.row(row));
        keep_visible(row);
        shown_.visible_model.copy_row(row, chains_->visible({chains_here_.first + row, 1}).words);
        add_values(hp.row(row), hidden, hidden_sums(GradientPhase::model, scratch.worker).data());
      } else {
        finish_row(row, fields, hp.row(row), scratch);
      }
    });
  }

  /// The last hp of a chain that began at a row, and its part of the sums over hidden units.
  void finish_row(std::size_t row, const Real* fields, Real* means, const Scratch& scratch) {
    const std::size_t hidden = rbm_.shape().hidden;
    const Real* const bias = rbm_.hidden_bias.data();
    Real* const differences = hidden_sums(GradientPhase::data, scratch.worker).data();
    if (!plan_.two_phases && !plan_.hidden_means) {
      const ConstBitMatrixView h0{shown_.hidden_data.data(), rows_, hidden};
      activate_and_subtract(fields, bias, h0.row(row), hidden, plan_.rounding, means, differences);
      return;
    }
    std::copy_n(fields, hidden, means);
    activate(means, bias, hidden, plan_.rounding);
    if (plan_.two_phases) {
      weigh(GradientPhase::model, row, hidden, means);
      add_values(means, hidden, hidden_sums(GradientPhase::model, scratch.worker).data());
    } else {
      add_difference(shown_.hidden_data_numbers.data() + row * hidden, means, hidden, differences);
    }
  }

  /// Calls body(row) for the rows of the block that the worker finishes.
  template <typename Body>
  void for_each_finished_row(Shard block, const Scratch& scratch, const Body& body) const {
    const Shard rows = grid_.finished(block, scratch.worker);
    for (std::size_t i = 0; i < rows.count; ++i) body(rows.first + i);
  }

  /// The fields of the hidden units for one row of the block: the sums of all workers with these rows together.
  const Real* fields_of_row(Shard block, std::size_t row, Scratch& scratch) const {
    const auto of_part = [&](std::size_t part) {
      const std::size_t worker = grid_.worker(part, grid_.row_part(scratch.worker));
      return hidden_fields(worker, block).row(row - block.first);
    };
    if (grid_.unit_parts() == 1) return of_part(0);
    const std::size_t hidden = rbm_.shape().hidden;
    Real* const sums = scratch.row_fields.data();
    std::copy_n(of_part(0), hidden, sums);
    for (std::size_t part = 1; part < grid_.unit_parts(); ++part) add_values(of_part(part), hidden, sums);
    return sums;
  }

  /// The sums over rows, over chains, or the differences of both.
  void sum_weights(GradientPhase phase, Shard rows, std::size_t thread, MatrixView sums) {
    const std::size_t hidden = sums.columns;
    for_each_part(rows, [&](std::size_t part, Shard units, Shard in_part) {
      const MatrixView to{sums.row(units.first - rows.first), units.count, hidden};
      if (phase == GradientPhase::data) {
        const ConstBitMatrixView v0 = transposed_data(part, in_part, thread);
        if (sums_numbers()) {
          multiply(v0, ConstMatrixView{shown_.hidden_data_numbers.data(), rows_, hidden}, to);
        } else {
          multiply(v0, ConstBitMatrixView{shown_.hidden_data.data(), rows_, hidden}, to);
        }
      }
      const ConstMatrixView hp{shown_.hidden_model.data(), chains_here_.count, hidden};
      if (phase == GradientPhase::model) {
        multiply(transposed_model(part, in_part, thread), hp, to);
      } else if (!plan_.two_phases) {
        subtract_product(transposed_model(part, in_part, thread), hp, to);
      }
    });
  }

  /// How many rows or chains have each of the units on, or what these weigh.
  void sum_visible(GradientPhase phase, Shard rows, std::size_t thread, Real* sums) {
    for_each_part(rows, [&](std::size_t part, Shard units, Shard in_part) {
      const ConstBitMatrixView states = phase == GradientPhase::data ? transposed_data(part, in_part, thread)
                                                                     : transposed_model(part, in_part, thread);
      for (std::size_t i = 0; i < states.rows; ++i) {
        sums[units.first - rows.first + i] = plan_.weighs(phase) ? weight_on(states, i) : count_on(states, i);
      }
    });
  }

  /// How many rows, or chains, have the unit on; and what these weigh. [units x rows]
  [[nodiscard]] static Real count_on(ConstBitMatrixView states, std::size_t unit) {
    int on = 0;
    for (std::size_t word = 0; word < states.row_words(); ++word) on += std::popcount(states.row(unit)[word]);
    return static_cast<Real>(on);
  }
  [[nodiscard]] Real weight_on(ConstBitMatrixView states, std::size_t unit) const {
    Real sum = 0;
    for_each_unit_on(states, unit, [&](std::size_t row) { sum += weight(row); });
    return sum;
  }

  void sum_visible_differences(Shard units, Real* gradient) const {
    const std::size_t row = whole_lines<Real>(rbm_.shape().visible);
    std::fill_n(gradient, units.count, Real{0});
    for (std::size_t part = 0; part < grid_.row_parts(); ++part) {
      add_values(shown_.visible_differences.data() + part * row + units.first, units.count, gradient);
    }
  }

  void sum_hidden_bias(GradientPhase phase, Shard units, Real* gradient) const {
    std::fill_n(gradient, units.count, Real{0});
    for (std::size_t worker = 0; worker < grid_.workers(); ++worker) {
      add_values(hidden_sums(phase, worker).data() + units.first, units.count, gradient);
    }
  }

  /// Calls body(part, units, in_part) for the parts of the units that `rows` meets: what it has of each, as units and
  /// as units of the part.
  template <typename Body>
  void for_each_part(Shard rows, const Body& body) const {
    for (std::size_t part = 0; part < grid_.unit_parts(); ++part) {
      const Shard units = grid_.units(part);
      const std::uint64_t first = std::max(rows.first, units.first);
      const std::uint64_t end = std::min(rows.first + rows.count, units.first + units.count);
      if (first < end) body(part, Shard{first, end - first}, Shard{first - units.first, end - first});
    }
  }

  [[nodiscard]] ConstBitMatrixView transposed_data(std::size_t part, Shard units, std::size_t thread) const {
    return transposed(shown_.visible_data.rows(part, {0, rows_}), units, scratch_[thread].visible_data);
  }
  [[nodiscard]] ConstBitMatrixView transposed_model(std::size_t part, Shard units, std::size_t thread) const {
    return transposed(shown_.visible_model.rows(part, {0, chains_here_.count}), units, scratch_[thread].visible_model);
  }
  /// Some units of the states [B x units], as n x B.
  [[nodiscard]] static ConstBitMatrixView transposed(ConstBitMatrixView states, Shard some,
                                                     std::span<std::uint64_t> to) {
    const BitMatrixView all{to.data(), states.columns, states.rows};
    const std::size_t first_word = some.first / 64;
    transpose(states, first_word, words_for(some.first + some.count) - first_word, all);
    return {all.row(some.first), some.count, states.rows};
  }

  static void lap(PhaseClock* clock, TimePhase phase) {
    if (clock != nullptr) clock->lap(phase);
  }

  [[nodiscard]] MatrixView hidden_fields(std::size_t worker, Shard block) const {
    return {shown_.hidden_fields[turn_].data() + worker * shown_.fields_of_worker, block.count, rbm_.shape().hidden};
  }
  [[nodiscard]] std::span<Real> visible_differences(const Scratch& scratch) const {
    const std::size_t row = grid_.row_part(scratch.worker) * whole_lines<Real>(rbm_.shape().visible);
    return shown_.visible_differences.subspan(row + scratch.visible.first, scratch.visible.count);
  }
  [[nodiscard]] std::span<Real> hidden_sums(GradientPhase phase, std::size_t worker) const {
    const std::size_t hidden = rbm_.shape().hidden;
    return shown_.hidden_sums[static_cast<std::size_t>(phase)].subspan(worker * whole_lines<Real>(hidden), hidden);
  }

  const NodeArena& shared_;
  WorkerGrid grid_;
  Shown shown_;
  std::size_t turn_ = 0;          // of the sums for hidden units
  std::vector<Scratch> scratch_;  // of each thread
};

}  // namespace

std::unique_ptr<BatchGradient> make_sampled_gradient_active(const EstimatorSettings& settings, Workspace& memory) {
  return std::make_unique<SampledGradientActive>(settings, memory);
}

}  // namespace rbmpi
