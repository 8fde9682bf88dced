#include <algorithm>
#include <array>
#include <numeric>

#include "rbmpi/core/state_kernels.hpp"
#include "rbmpi/core/state_products.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/gibbs/draws.hpp"
#include "rbmpi/gibbs/worker_grid.hpp"
#include "train/contrastive_divergence.hpp"

// The workers of a node form a grid (gibbs/worker_grid.hpp), in which each samples some visible units for some rows.

namespace rbmpi {
namespace {

WorkerGrid grid_of(RbmShape shape, const NodeShare& share) {
  return WorkerGrid({.visible = shape.visible,
                     .rows = share.node_rows,
                     .slots = share.slots,
                     .threads = share.threads,
                     .group = rows_together});
}

/// What the workers show each other.
struct Shown {
  Shown(RbmShape shape, std::size_t node_rows, const WorkerGrid& grid, Arena& memory)
      : fields_of_worker(whole_lines<Real>(grid.largest_block() * shape.hidden)),
        hidden_fields{memory.take<Real>(grid.workers() * fields_of_worker),
                      memory.take<Real>(grid.workers() * fields_of_worker)},
        hidden_data(memory.take<std::uint64_t>(node_rows * words_for(shape.hidden))),
        hidden_model(memory.take<Real>(node_rows * shape.hidden)),
        visible_differences(memory.take<Real>(grid.row_parts() * whole_lines<Real>(shape.visible))),
        hidden_differences(memory.take<Real>(grid.workers() * whole_lines<Real>(shape.hidden))) {
    for (std::size_t part = 0; part < grid.unit_parts(); ++part) {
      const std::size_t words = node_rows * words_for(grid.units(part).count);
      visible_data.push_back(memory.take<std::uint64_t>(words));
      visible_model.push_back(memory.take<std::uint64_t>(words));
    }
  }

  std::size_t fields_of_worker;
  /// Sums over the units of a worker, block x H for each worker, by turns those of h0 and of h1p, so that one can be
  /// read while the other is written.
  std::array<std::span<Real>, 2> hidden_fields;
  std::vector<std::span<std::uint64_t>> visible_data;   ///< v0, for each part of the units: B x n
  std::vector<std::span<std::uint64_t>> visible_model;  ///< v1
  std::span<std::uint64_t> hidden_data;                 ///< h0: B x H
  std::span<Real> hidden_model;                         ///< h1p
  std::span<Real> visible_differences;                  ///< sums of v0p - v1p, for each part of the rows
  std::span<Real> hidden_differences;                   ///< sums of h0 - h1p over the rows that each worker finishes
};

/// Memory of one worker with n visible units.
struct Scratch {
  Scratch(RbmShape shape, std::size_t node_rows, const WorkerGrid& grid, std::size_t number, Arena& memory)
      : worker(number),
        visible(grid.units(grid.unit_part(number))),
        data(memory.take<Real>(grid.largest_block() * visible.count)),
        fields(memory.take<Real>(grid.largest_block() * visible.count)),
        row_fields(memory.take<Real>(shape.hidden)),
        visible_data(memory.take<std::uint64_t>(grid.most_units() * words_for(node_rows))),
        visible_model(memory.take<std::uint64_t>(grid.most_units() * words_for(node_rows))) {}

  std::size_t worker;
  Shard visible;                                // its units
  std::span<Real> data;                         // v0p: block x n
  std::span<Real> fields;                       // of v1: block x n
  std::span<Real> row_fields;                   // of the hidden units for one row
  std::span<std::uint64_t> visible_data;        // v0 of all rows of the node, transposed: n x B
  std::span<std::uint64_t> visible_model;       // v1
  alignas(64) std::uint64_t squared_error = 0;  // of its units and rows
};

class ContrastiveDivergenceActive final : public BatchGradient {
 public:
  ContrastiveDivergenceActive(const EstimatorSettings& settings, Workspace& memory)
      : rbm_(settings.rbm),
        couplings_(settings.couplings),
        rounding_{true, probability_grid(settings.options.batch_size)},
        shared_(memory.node),
        grid_(grid_of(rbm_.shape(), settings.share)),
        shown_(rbm_.shape(), settings.share.node_rows, grid_, memory.node),
        draws_{.seed = settings.options.seed, .layer = settings.options.layer} {
    const NodeShare& share = settings.share;
    for (std::size_t thread = 0; thread < share.threads; ++thread) {
      scratch_.emplace_back(rbm_.shape(), share.node_rows, grid_, share.worker(thread), memory.rank);
    }
  }

  BatchTotals propagate(const MiniBatch& batch, Shard /*chains*/, PhaseClock& clock) override {
    node_rows_ = batch.count;
    draws_.step = batch.step;
    draws_.first = batch.position;
    on_all_threads([&](Scratch& scratch) {
      scratch.squared_error = 0;
      std::ranges::fill(visible_differences(scratch), Real{0});
      std::ranges::fill(hidden_differences(scratch.worker), Real{0});
    });
    // All workers go through equally many blocks, as they wait for each other.
    const std::uint64_t most_rows = grid_.rows(node_rows_, 0).count;
    for (std::uint64_t first = 0; first < most_rows; first += rows_through_machine) {
      const auto clock_of = [&](const Scratch& scratch) { return &scratch == scratch_.data() ? &clock : nullptr; };
      on_all_threads([&](Scratch& s) { sample_data(batch, block(first, s), s, clock_of(s)); });
      wait_for_fields(clock);
      on_all_threads([&](Scratch& s) { sample_hidden(block(first, s), s); });
      clock.lap(TimePhase::sampling);
      wait_for_fields(clock);
      on_all_threads([&](Scratch& s) { sample_visible(block(first, s), s, clock_of(s)); });
      wait_for_fields(clock);
      on_all_threads([&](Scratch& s) { activate_hidden(block(first, s), s); });
      clock.lap(TimePhase::sampling);
    }
    const std::uint64_t error =
        std::accumulate(scratch_.begin(), scratch_.end(), std::uint64_t{0},
                        [](std::uint64_t sum, const Scratch& scratch) { return sum + scratch.squared_error; });
    return {.loss = static_cast<std::int64_t>(error)};
  }

  void sum(GradientPhase /*phase*/, std::size_t array, Shard rows, std::size_t thread, Real* sums) override {
    if (array == weights_array) return sum_weights(rows, thread, sums);
    array == visible_array() ? sum_visible_bias(rows, sums) : sum_hidden_bias(rows, sums);
  }

  // Enough for what is prepared from the hidden states to serve many rows, few enough for the gradient to stay in a
  // cache until the update.
  [[nodiscard]] std::size_t panel_rows(std::size_t array) const noexcept override {
    return array == weights_array ? 128 : std::max(rbm_.shape().visible, rbm_.shape().hidden);
  }

 private:
  void sum_weights(Shard rows, std::size_t thread, Real* gradient) {
    const std::size_t hidden = rbm_.shape().hidden;
    for (std::size_t part = 0; part < grid_.unit_parts(); ++part) {
      const Shard units = grid_.units(part);
      const std::uint64_t first = std::max(rows.first, units.first);
      const std::uint64_t end = std::min(rows.first + rows.count, units.first + units.count);
      if (first >= end) continue;
      const Shard in_part{first - units.first, end - first};
      contrast(transposed(shown_.visible_data[part], units.count, in_part, scratch_[thread].visible_data),
               {shown_.hidden_data.data(), node_rows_, hidden},
               transposed(shown_.visible_model[part], units.count, in_part, scratch_[thread].visible_model),
               {shown_.hidden_model.data(), node_rows_, hidden},
               {gradient + (first - rows.first) * hidden, in_part.count, hidden});
    }
  }

  void sum_visible_bias(Shard units, Real* gradient) const {
    const std::size_t row = whole_lines<Real>(rbm_.shape().visible);
    for (std::size_t i = 0; i < units.count; ++i) {
      Real sum = 0;
      for (std::size_t part = 0; part < grid_.row_parts(); ++part) {
        sum += shown_.visible_differences[part * row + units.first + i];
      }
      gradient[i] = sum;
    }
  }

  void sum_hidden_bias(Shard units, Real* gradient) const {
    for (std::size_t i = 0; i < units.count; ++i) {
      Real sum = 0;
      for (std::size_t worker = 0; worker < grid_.workers(); ++worker) {
        sum += hidden_differences(worker)[units.first + i];
      }
      gradient[i] = sum;
    }
  }

  template <typename Body>
  void on_all_threads(const Body& body) {
    parallel_for(scratch_.size(), [&](std::size_t thread) { body(scratch_[thread]); });
  }

  /// The rows of the node's that a worker takes through the machine next, `first` of its rows being done.
  [[nodiscard]] Shard block(std::uint64_t first, const Scratch& scratch) const {
    return grid_.block(node_rows_, scratch.worker, first);
  }

  void wait_for_fields(PhaseClock& clock) const {
    if (grid_.unit_parts() == 1) return;
    shared_.synchronise();
    clock.lap(TimePhase::exchange);
  }

  /// From the data to v0 of the worker's units, and their sums for h0.
  void sample_data(const MiniBatch& batch, Shard block, Scratch& scratch, PhaseClock* clock) {
    const BitMatrixView v0 = visible_states(shown_.visible_data, block, scratch);
    Draws draws = draws_;
    draws.first += block.first;
    batch.rows->draw({batch.first + block.first, block.count}, scratch.visible, rounding_, draws, Phase::data,
                     {scratch.data.data(), block.count, scratch.visible.count}, v0);
    lap(clock, TimePhase::input);
    couplings_.up(v0, scratch.visible, hidden_fields(0, scratch.worker, block));
    lap(clock, TimePhase::products);
  }

  /// From the sums of all workers with these rows to h0, for some of them.
  void sample_hidden(Shard block, Scratch& scratch) {
    const std::size_t hidden = rbm_.shape().hidden;
    const BitMatrixView h0{shown_.hidden_data.data(), node_rows_, hidden};
    for_each_finished_row(block, scratch, [&](std::size_t row) {
      activate_and_sample(fields_of_row(0, block, row, scratch), rbm_.hidden_bias.data(), hidden,
                          draws_.stream(Phase::hidden, row), h0.row(row));
    });
  }

  /// From h0 to v1 of the worker's units, and their sums for h1p.
  void sample_visible(Shard block, Scratch& scratch, PhaseClock* clock) {
    const auto [first, count] = scratch.visible;
    const std::size_t hidden = rbm_.shape().hidden;
    const ConstBitMatrixView h0{shown_.hidden_data.data() + block.first * words_for(hidden), block.count, hidden};
    const BitMatrixView v1 = visible_states(shown_.visible_model, block, scratch);
    const MatrixView fields{scratch.fields.data(), block.count, count};
    couplings_.down(h0, scratch.visible, fields);
    lap(clock, TimePhase::products);
    for (std::size_t i = 0; count > 0 && i < block.count; ++i) {
      scratch.squared_error += static_cast<std::uint64_t>(
          reconstruct(fields.row(i), rbm_.visible_bias.data() + first, scratch.data.data() + i * count, count,
                      rounding_, draws_.stream(Phase::visible, block.first + i).from_unit(first), v1.row(i),
                      visible_differences(scratch).data()));
    }
    lap(clock, TimePhase::sampling);
    couplings_.up(v1, scratch.visible, hidden_fields(1, scratch.worker, block));
    lap(clock, TimePhase::products);
  }

  /// From the sums of all workers with these rows to h1p, for some of them.
  void activate_hidden(Shard block, Scratch& scratch) {
    const std::size_t hidden = rbm_.shape().hidden;
    const ConstBitMatrixView h0{shown_.hidden_data.data(), node_rows_, hidden};
    const MatrixView h1p{shown_.hidden_model.data(), node_rows_, hidden};
    for_each_finished_row(block, scratch, [&](std::size_t row) {
      activate_and_subtract(fields_of_row(1, block, row, scratch), rbm_.hidden_bias.data(), h0.row(row), hidden,
                            rounding_, h1p.row(row), hidden_differences(scratch.worker).data());
    });
  }

  /// Calls body(row) for the rows of the block that the worker finishes.
  template <typename Body>
  void for_each_finished_row(Shard block, const Scratch& scratch, const Body& body) const {
    const Shard rows = grid_.finished(block, scratch.worker);
    for (std::size_t i = 0; i < rows.count; ++i) body(rows.first + i);
  }

  /// The fields of the hidden units for one row of the block: the sums of all workers with these rows together.
  const Real* fields_of_row(std::size_t turn, Shard block, std::size_t row, Scratch& scratch) const {
    const auto of_part = [&](std::size_t part) {
      const std::size_t worker = grid_.worker(part, grid_.row_part(scratch.worker));
      return hidden_fields(turn, worker, block).row(row - block.first);
    };
    if (grid_.unit_parts() == 1) return of_part(0);
    const std::size_t hidden = rbm_.shape().hidden;
    Real* const sums = scratch.row_fields.data();
    std::copy_n(of_part(0), hidden, sums);
    for (std::size_t part = 1; part < grid_.unit_parts(); ++part) {
      const Real* const fields = of_part(part);
      for (std::size_t j = 0; j < hidden; ++j) sums[j] += fields[j];
    }
    return sums;
  }

  static void lap(PhaseClock* clock, TimePhase phase) {
    if (clock != nullptr) clock->lap(phase);
  }

  [[nodiscard]] MatrixView hidden_fields(std::size_t turn, std::size_t worker, Shard block) const {
    return {shown_.hidden_fields[turn].data() + worker * shown_.fields_of_worker, block.count, rbm_.shape().hidden};
  }
  /// The rows of a block in the states of the worker's units.
  [[nodiscard]] BitMatrixView visible_states(const std::vector<std::span<std::uint64_t>>& states, Shard block,
                                             const Scratch& scratch) const {
    const std::size_t units = scratch.visible.count;
    return {states[grid_.unit_part(scratch.worker)].data() + block.first * words_for(units), block.count, units};
  }
  /// Some units of the states [B x units], as n x B.
  [[nodiscard]] ConstBitMatrixView transposed(std::span<const std::uint64_t> states, std::size_t units, Shard some,
                                              std::span<std::uint64_t> to) const {
    const BitMatrixView all{to.data(), units, node_rows_};
    const std::size_t first_word = some.first / 64;
    transpose({states.data(), node_rows_, units}, first_word, words_for(some.first + some.count) - first_word, all);
    return {all.row(some.first), some.count, node_rows_};
  }

  [[nodiscard]] std::span<Real> visible_differences(const Scratch& scratch) const {
    const std::size_t row = grid_.row_part(scratch.worker) * whole_lines<Real>(rbm_.shape().visible);
    return shown_.visible_differences.subspan(row + scratch.visible.first, scratch.visible.count);
  }
  [[nodiscard]] std::span<Real> hidden_differences(std::size_t worker) const {
    const std::size_t hidden = rbm_.shape().hidden;
    return shown_.hidden_differences.subspan(worker * whole_lines<Real>(hidden), hidden);
  }

  RbmView<const Real> rbm_;
  const Couplings& couplings_;
  ProbabilityRounding rounding_;
  const NodeArena& shared_;
  WorkerGrid grid_;
  Shown shown_;
  Draws draws_;
  std::size_t node_rows_ = 0;     // of this part of the batch
  std::vector<Scratch> scratch_;  // of each thread
};

}  // namespace

std::unique_ptr<BatchGradient> make_contrastive_divergence_active(const EstimatorSettings& settings,
                                                                  Workspace& memory) {
  return std::make_unique<ContrastiveDivergenceActive>(settings, memory);
}

}  // namespace rbmpi
