#include <algorithm>
#include <numeric>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/train/gradient_estimator.hpp"

namespace rbmpi {
namespace {

class ContrastiveDivergence final : public GradientEstimator {
 public:
  explicit ContrastiveDivergence(const EstimatorSettings& settings)
      : shape_(settings.shape),
        layer_(settings.layer),
        seed_(settings.options->seed),
        sample_data_(settings.options->sample_data),
        rounding_{settings.options->arithmetic == Arithmetic::exact, probability_grid(settings.options->batch_size)},
        rows_(std::min(settings.local_rows, rows_at_once)),
        visible_data_(rows_ * shape_.visible),
        visible_state_(rows_ * shape_.visible),
        visible_model_(rows_ * shape_.visible),
        hidden_data_(rows_ * shape_.hidden),
        hidden_model_(rows_ * shape_.hidden),
        squared_errors_(rows_) {}

  static std::uint64_t memory(const EstimatorSettings& settings) {
    const std::size_t rows = std::min(settings.local_rows, rows_at_once);
    return rows * (3 * settings.shape.visible + 2 * settings.shape.hidden) * sizeof(Real);
  }

  void add_gradient(const Rbm& rbm, WeightProducts& products, const MiniBatch& batch, GradientSums& sums,
                    PhaseClock& clock) override {
    for (std::uint64_t first = 0; first < batch.count; first += rows_) {
      add_part(rbm, products, batch.part(first, std::min<std::uint64_t>(rows_, batch.count - first)), sums, clock);
      sums.finish_part();
    }
  }

 private:
  void add_part(const Rbm& rbm, WeightProducts& products, const MiniBatch& batch, GradientSums& sums,
                PhaseClock& clock) {
    const RbmView<const Real> parameters = rbm.view();
    const RbmView<Real> gradient(shape_, sums.gradient());
    const MatrixView v0p = matrix(visible_data_, batch.count, shape_.visible);
    const MatrixView v0 = sample_data_ ? matrix(visible_state_, batch.count, shape_.visible) : v0p;
    const MatrixView h0 = matrix(hidden_data_, batch.count, shape_.hidden);
    const MatrixView v1p = matrix(visible_model_, batch.count, shape_.visible);
    const MatrixView v1 = matrix(visible_state_, batch.count, shape_.visible);
    const MatrixView h1p = matrix(hidden_model_, batch.count, shape_.hidden);

    parallel_for(batch.count,
                 [&](std::size_t i) { row_probabilities(*batch.samples, batch.row(i), rounding_, v0p.row(i)); });
    clock.lap(TimePhase::input);
    if (sample_data_) {
      parallel_for(batch.count, [&](std::size_t i) {
        sample(v0p.row(i), shape_.visible, stream(batch, Phase::data, i), v0.row(i));
      });
    }
    clock.lap(TimePhase::sampling);

    if (sample_data_) {
      products.up(v0, h0);
    } else {
      products.up_from_probabilities(v0p, h0);
    }
    clock.lap(TimePhase::products);
    parallel_for(batch.count, [&](std::size_t i) {
      activate(h0.row(i), parameters.hidden_bias.data(), shape_.hidden, unrounded);
      sample(h0.row(i), shape_.hidden, stream(batch, Phase::hidden, i), h0.row(i));
    });
    clock.lap(TimePhase::sampling);
    add_transposed_times(v0, h0, gradient.weights);  // before v1 takes the place of v0

    products.down(h0, v1p);
    clock.lap(TimePhase::products);
    parallel_for(batch.count, [&](std::size_t i) {
      activate(v1p.row(i), parameters.visible_bias.data(), shape_.visible, rounding_);
      sample(v1p.row(i), shape_.visible, stream(batch, Phase::visible, i), v1.row(i));
      squared_errors_.data()[i] = squared_error(v0p.row(i), v1p.row(i), shape_.visible);
    });
    clock.lap(TimePhase::sampling);

    products.up(v1, h1p);
    clock.lap(TimePhase::products);
    parallel_for(batch.count,
                 [&](std::size_t i) { activate(h1p.row(i), parameters.hidden_bias.data(), shape_.hidden, rounding_); });
    clock.lap(TimePhase::sampling);
    subtract_transposed_times(v1, h1p, gradient.weights);
    add_differences(v0p, v1p, gradient.visible_bias);
    add_differences(h0, h1p, gradient.hidden_bias);
    clock.lap(TimePhase::products);

    sums.add_samples(batch.count);
    sums.add_squared_error(static_cast<std::uint64_t>(
        std::accumulate(squared_errors_.data(), squared_errors_.data() + batch.count, std::int64_t{0})));
  }

  /// sums[j] += sum over i of (a[i][j] - b[i][j]); each thread takes some of the columns.
  static void add_differences(ConstMatrixView a, ConstMatrixView b, std::span<Real> sums) {
    parallel_pieces(a.columns, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = 0; i < a.rows; ++i) {
        add_difference(a.row(i) + first, b.row(i) + first, last - first, sums.data() + first);
      }
    });
  }

  static MatrixView matrix(AlignedBuffer<Real>& buffer, std::size_t rows, std::size_t columns) {
    return {buffer.data(), rows, columns};
  }

  [[nodiscard]] RandomStream stream(const MiniBatch& batch, Phase phase, std::size_t i) const {
    return {seed_, layer_, batch.step, phase, static_cast<std::uint32_t>(batch.position + i)};
  }

  // h0p is only compared with random numbers, never summed.
  static constexpr ProbabilityRounding unrounded{.exact = false, .grid = {}};

  RbmShape shape_;
  std::uint32_t layer_;
  std::uint64_t seed_;
  bool sample_data_;
  ProbabilityRounding rounding_;
  std::size_t rows_;
  AlignedBuffer<Real> visible_data_;   // v0p
  AlignedBuffer<Real> visible_state_;  // v0, then v1
  AlignedBuffer<Real> visible_model_;  // fields, then v1p
  AlignedBuffer<Real> hidden_data_;    // fields, then h0p, then h0
  AlignedBuffer<Real> hidden_model_;   // fields, then h1p
  AlignedBuffer<std::int64_t> squared_errors_;
};

}  // namespace

std::unique_ptr<GradientEstimator> make_contrastive_divergence(const EstimatorSettings& settings) {
  return std::make_unique<ContrastiveDivergence>(settings);
}

std::uint64_t contrastive_divergence_memory(const EstimatorSettings& settings) {
  return ContrastiveDivergence::memory(settings);
}

}  // namespace rbmpi
