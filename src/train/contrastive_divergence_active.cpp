#include <algorithm>
#include <array>
#include <numeric>

#include "rbmpi/core/state_kernels.hpp"
#include "rbmpi/core/state_products.hpp"
#include "rbmpi/core/threads.hpp"
#include "train/contrastive_divergence.hpp"

namespace rbmpi {
namespace {

/// Rows that a thread takes through the machine together: few enough for their fields to stay in a cache, enough for
/// what is read of the weights to serve many.
constexpr std::size_t block_rows = 128;

/// What the ranks of a node show each other: the states of their rows as bits, one slot of rows after the other.
struct States {
  States(const EstimatorSizes& sizes, std::size_t threads, NodeMemory& memory)
      : visible_data(memory.take<std::uint64_t>(sizes.slots * sizes.slot_rows * words_for(sizes.shape.visible))),
        visible_model(memory.take<std::uint64_t>(sizes.slots * sizes.slot_rows * words_for(sizes.shape.visible))),
        hidden_data(memory.take<std::uint64_t>(sizes.slots * sizes.slot_rows * words_for(sizes.shape.hidden))),
        hidden_model(memory.take<Real>(sizes.slots * sizes.slot_rows * sizes.shape.hidden)),
        bias_differences(
            memory.take<Real>(sizes.slots * threads * whole_lines<Real>(sizes.shape.visible + sizes.shape.hidden))) {}

  std::span<std::uint64_t> visible_data;   // v0
  std::span<std::uint64_t> visible_model;  // v1
  std::span<std::uint64_t> hidden_data;    // h0
  std::span<Real> hidden_model;            // fields, then h1p
  std::span<Real> bias_differences;        // sums of v0p - v1p and of h0 - h1p, of each thread of each slot
};

std::size_t threads() {
  return static_cast<std::size_t>(threads_in_use());
}

/// Memory of one thread.
struct Scratch {
  explicit Scratch(const EstimatorSizes& sizes)
      : data(rows(sizes) * sizes.shape.visible),
        fields(rows(sizes) * std::max(padded_columns(sizes.shape.visible), sizes.shape.hidden)),
        visible_data(transposed_words(sizes)),
        visible_model(transposed_words(sizes)) {}

  static std::size_t rows(const EstimatorSizes& sizes) { return std::min(sizes.slot_rows, block_rows); }
  static std::size_t transposed_words(const EstimatorSizes& sizes) {
    return sizes.shape.visible * words_for(sizes.slots * sizes.slot_rows);
  }
  static std::uint64_t bytes(const EstimatorSizes& sizes) {
    return rows(sizes) * (sizes.shape.visible + std::max(padded_columns(sizes.shape.visible), sizes.shape.hidden)) *
               sizeof(Real) +
           2 * transposed_words(sizes) * sizeof(std::uint64_t);
  }

  AlignedBuffer<Real> data;                     // v0p
  AlignedBuffer<Real> fields;                   // of h0, then of v1
  AlignedBuffer<std::uint64_t> visible_data;    // v0 of all rows of the node, transposed: V x B
  AlignedBuffer<std::uint64_t> visible_model;   // v1
  alignas(64) std::uint64_t squared_error = 0;  // of this part of the batch
};

class ContrastiveDivergenceActive final : public GradientEstimator {
 public:
  ContrastiveDivergenceActive(const EstimatorSettings& settings, NodeMemory& memory)
      : rbm_(settings.rbm),
        weights_(settings.products.exact()),
        layer_(settings.layer),
        seed_(settings.options.seed),
        rounding_{true, probability_grid(settings.options.batch_size)},
        slot_(settings.slot),
        slots_(settings.sizes.slots),
        states_(settings.sizes, threads(), memory) {
    for (std::size_t thread = 0; thread < threads(); ++thread) scratch_.emplace_back(settings.sizes);
  }

  std::uint64_t sample_states(const MiniBatch& batch, std::size_t slot_rows, PhaseClock& clock) override {
    slot_rows_ = slot_rows;
    const auto [V, H] = rbm_.shape();
    const std::size_t count = threads();
    parallel_for(count, [&](std::size_t thread) {
      scratch_[thread].squared_error = 0;
      std::ranges::fill(differences_of(slot_ * count + thread), Real{0});
      const Shard mine = shard(batch.count, static_cast<int>(thread), static_cast<int>(count));
      for (std::size_t first = 0; first < mine.count; first += block_rows) {
        sample_block(batch, {mine.first + first, std::min(block_rows, mine.count - first)}, thread,
                     thread == 0 ? &clock : nullptr);
      }
    });
    // The gradient is formed from all rows of all slots.
    for (std::size_t row = batch.count; row < slot_rows_; ++row) {
      std::fill_n(of_slot(states_.visible_data, V).row(row), words_for(V), std::uint64_t{0});
      std::fill_n(of_slot(states_.visible_model, V).row(row), words_for(V), std::uint64_t{0});
      std::fill_n(of_slot(states_.hidden_data, H).row(row), words_for(H), std::uint64_t{0});
      std::fill_n(hidden_model().row(row), H, Real{0});
    }
    clock.lap(TimePhase::sampling);
    return std::accumulate(scratch_.begin(), scratch_.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const Scratch& scratch) { return sum + scratch.squared_error; });
  }

  void weight_gradient(Shard rows, std::size_t thread, Real* gradient) override {
    const auto [V, H] = rbm_.shape();
    const std::size_t all = slots_ * slot_rows_;
    Scratch& scratch = scratch_[thread];
    const std::size_t first_word = rows.first / 64;
    const std::size_t words = words_for(rows.first + rows.count) - first_word;
    const BitMatrixView v0{scratch.visible_data.data(), V, all};
    const BitMatrixView v1{scratch.visible_model.data(), V, all};
    transpose({states_.visible_data.data(), all, V}, first_word, words, v0);
    transpose({states_.visible_model.data(), all, V}, first_word, words, v1);
    contrast({v0.row(rows.first), rows.count, all}, {states_.hidden_data.data(), all, H},
             {v1.row(rows.first), rows.count, all}, {states_.hidden_model.data(), all, H}, {gradient, rows.count, H});
  }

  // Enough for what is prepared from the hidden states to serve many rows, few enough for the gradient to stay in a
  // cache until the update.
  [[nodiscard]] std::size_t panel_rows() const noexcept override { return 128; }

  void bias_gradient(Shard units, Real* gradient) const override {
    std::fill_n(gradient, units.count, Real{0});
    for (std::size_t part = 0; part < slots_ * threads(); ++part) {
      const Real* const differences = differences_of(part).data() + units.first;
      for (std::size_t i = 0; i < units.count; ++i) gradient[i] += differences[i];
    }
  }

 private:
  /// Takes some rows of the batch from the data to h1p.
  void sample_block(const MiniBatch& batch, Shard rows, std::size_t thread, PhaseClock* clock) {
    const auto lap = [&](TimePhase phase) {
      if (clock != nullptr) clock->lap(phase);
    };
    const auto [V, H] = rbm_.shape();
    Scratch& scratch = scratch_[thread];
    const std::span<Real> differences = differences_of(slot_ * threads() + thread);
    const MatrixView v0p{scratch.data.data(), rows.count, V};
    const BitMatrixView v0 = part(of_slot(states_.visible_data, V), rows);
    const BitMatrixView h0 = part(of_slot(states_.hidden_data, H), rows);
    const BitMatrixView v1 = part(of_slot(states_.visible_model, V), rows);
    const MatrixView hidden_fields{scratch.fields.data(), rows.count, H};
    const MatrixView visible_fields{scratch.fields.data(), rows.count, padded_columns(V)};
    const MatrixView h1p{hidden_model().row(rows.first), rows.count, H};
    const auto stream = [&](Phase phase, std::size_t i) {
      return RandomStream(seed_, layer_, batch.step, phase,
                          static_cast<std::uint32_t>(batch.position + rows.first + i));
    };

    // The rows of a batch lie anywhere in memory: some are fetched while another is taken in.
    std::array<const std::byte*, block_rows> data{};
    for (std::size_t i = 0; i < rows.count; ++i) data[i] = batch.row(rows.first + i);
    constexpr std::size_t ahead = 4;
    for (std::size_t i = 0; i < rows.count + ahead; ++i) {
      if (i < rows.count) prefetch(data[i], batch.samples->row_bytes());
      if (i < ahead) continue;
      const std::size_t row = i - ahead;
      sample_row(*batch.samples, data[row], rounding_, stream(Phase::data, row), v0p.row(row), v0.row(row));
    }
    lap(TimePhase::input);
    multiply(v0, weights_.up(), hidden_fields);
    lap(TimePhase::products);
    for (std::size_t i = 0; i < rows.count; ++i) {
      activate_and_sample(hidden_fields.row(i), rbm_.hidden_bias.data(), H, stream(Phase::hidden, i), h0.row(i));
    }
    lap(TimePhase::sampling);
    multiply(h0, weights_.down_transposed(), visible_fields);
    lap(TimePhase::products);
    for (std::size_t i = 0; i < rows.count; ++i) {
      scratch.squared_error +=
          static_cast<std::uint64_t>(reconstruct(visible_fields.row(i), rbm_.visible_bias.data(), v0p.row(i), V,
                                                 rounding_, stream(Phase::visible, i), v1.row(i), differences.data()));
    }
    lap(TimePhase::sampling);
    multiply(v1, weights_.up(), h1p);
    lap(TimePhase::products);
    for (std::size_t i = 0; i < rows.count; ++i) {
      activate_and_subtract(h1p.row(i), rbm_.hidden_bias.data(), h0.row(i), H, rounding_, h1p.row(i),
                            differences.data() + V);
    }
    lap(TimePhase::sampling);
  }

  static void prefetch(const std::byte* memory, std::size_t bytes) {
    constexpr std::size_t line = 64;
    for (std::size_t i = 0; i < bytes; i += line) __builtin_prefetch(memory + i);
  }

  [[nodiscard]] BitMatrixView of_slot(std::span<std::uint64_t> states, std::size_t units) const {
    return {states.data() + slot_ * slot_rows_ * words_for(units), slot_rows_, units};
  }
  static BitMatrixView part(BitMatrixView states, Shard rows) {
    return {states.row(rows.first), rows.count, states.columns};
  }
  [[nodiscard]] MatrixView hidden_model() const {
    const std::size_t hidden = rbm_.shape().hidden;
    return {states_.hidden_model.data() + slot_ * slot_rows_ * hidden, slot_rows_, hidden};
  }
  [[nodiscard]] std::span<Real> differences_of(std::size_t part) const {
    const std::size_t biases = rbm_.shape().visible + rbm_.shape().hidden;
    return states_.bias_differences.subspan(part * whole_lines<Real>(biases), biases);
  }

  RbmView<const Real> rbm_;
  const ExactWeights& weights_;
  std::uint32_t layer_;
  std::uint64_t seed_;
  ProbabilityRounding rounding_;
  std::size_t slot_;
  std::size_t slots_;
  std::size_t slot_rows_ = 0;  // of this part of the batch
  States states_;
  std::vector<Scratch> scratch_;
};

}  // namespace

std::unique_ptr<GradientEstimator> make_contrastive_divergence_active(const EstimatorSettings& settings,
                                                                      NodeMemory& memory) {
  return std::make_unique<ContrastiveDivergenceActive>(settings, memory);
}

std::uint64_t contrastive_divergence_active_shared_memory(const EstimatorSizes& sizes) {
  NodeMemory counted;
  const States states(sizes, threads(), counted);
  return counted.taken();
}

std::uint64_t contrastive_divergence_active_memory(const EstimatorSizes& sizes) {
  return threads() * Scratch::bytes(sizes);
}

}  // namespace rbmpi
