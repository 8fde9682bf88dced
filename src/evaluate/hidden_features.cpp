#include "rbmpi/evaluate/hidden_features.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/exact_weights.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/real_product.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/mini_batch.hpp"
#include "rbmpi/data/shard.hpp"

namespace rbmpi {
namespace {

/// Rows whose products are formed together.
constexpr std::size_t rows_at_once = 256;
/// Of features that are brought together at a time.
constexpr std::uint64_t piece_bytes = std::uint64_t{16} << 20U;
constexpr ProbabilityRounding finest{.exact = true, .grid = {exact_bits}};
constexpr ProbabilityRounding unrounded{.exact = false, .grid = {}};

/// fields = v W for real-valued v: n x V -> n x H, the same bits whatever rows are computed together. In exact
/// arithmetic; where the weights are too large for that, row by row in the order of the units.
class RealFields {
 public:
  explicit RealFields(RbmView<const Real> rbm)
      : rbm_(rbm), product_(rows_at_once, rbm.shape().visible, rbm.shape().hidden) {
    ExactWeights weights(rbm.shape().visible, rbm.shape().hidden);
    if (weights.assign(rbm.weights)) grid_ = weights.up_grid();
  }

  /// Local, on all threads.
  void multiply(ConstMatrixView v, MatrixView fields) {
    if (grid_) return product_.exact(v, rbm_.weights, *grid_, fields);
    parallel_for(v.rows, [&](std::size_t row) {
      for (std::size_t j = 0; j < fields.columns; ++j) {
        double sum = 0;
        for (std::size_t i = 0; i < v.columns; ++i) sum += double{v.row(row)[i]} * double{rbm_.weights.row(i)[j]};
        fields.row(row)[j] = static_cast<Real>(sum);
      }
    });
  }

 private:
  RbmView<const Real> rbm_;
  RealProduct product_;
  std::optional<Grid> grid_;
};

}  // namespace

void hidden_features(RbmView<const Real> rbm, const Samples& samples, const FeatureSettings& settings,
                     const Communicator& world,
                     const std::function<void(std::uint64_t first, ConstMatrixView features)>& take,
                     const ProgressReport& progress) {
  const RbmShape shape = rbm.shape();
  world.agree([&] {
    if (samples.columns == shape.visible) return;
    throw Error(Failure::usage, fmt::format("the data have {} columns, but the model has {} visible units",
                                            samples.columns, shape.visible));
  });
  const std::uint64_t piece_rows = std::max<std::uint64_t>(piece_bytes / (shape.hidden * sizeof(Real)), 1);
  std::optional<RealFields> fields;
  AlignedBuffer<Real> visible;
  std::vector<Real> features;
  world.agree([&] {
    fields.emplace(rbm);
    visible = AlignedBuffer<Real>(rows_at_once * shape.visible);
    features.resize(std::min(piece_rows, samples.rows) * shape.hidden);
  });

  // Of the rows of the samples from `first` on.
  const auto compute = [&](std::uint64_t first, MatrixView rows) {
    const MatrixView v{visible.data(), rows.rows, shape.visible};
    parallel_for(v.rows, [&](std::size_t i) { row_probabilities(samples, samples.row(first + i), finest, v.row(i)); });
    fields->multiply(v, rows);
    parallel_for(v.rows, [&](std::size_t i) {
      activate(rows.row(i), rbm.hidden_bias.data(), shape.hidden, unrounded);
      if (!settings.sample) return;
      // The sample of a stream has 32 bits; rows beyond them are told apart by the step.
      const std::uint64_t row = first + i;
      sample(rows.row(i), shape.hidden,
             RandomStream(settings.seed, 0, row >> 32U, Phase::feature_hidden, static_cast<std::uint32_t>(row)),
             rows.row(i));
    });
  };

  for (std::uint64_t first = 0; first < samples.rows; first += piece_rows) {
    const MatrixView piece{features.data(), std::min(piece_rows, samples.rows - first), shape.hidden};
    const Shard mine = shard(piece.rows, world.rank(), world.size());
    // Each rank has its own rows, and zeros elsewhere: the sum is all of them.
    std::ranges::fill(features, Real{0});
    world.agree([&] {
      for (std::uint64_t begin = mine.first; begin < mine.first + mine.count; begin += rows_at_once) {
        throw_if_stopped("computing features");
        const std::uint64_t count = std::min<std::uint64_t>(rows_at_once, mine.first + mine.count - begin);
        compute(first + begin, {piece.row(begin), count, shape.hidden});
      }
    });
    world.sum(std::span(features).first(piece.size()));
    world.agree_on_root([&] { take(first, piece); });
    if (progress) progress(static_cast<double>(first + piece.rows) / static_cast<double>(samples.rows));
  }
}

}  // namespace rbmpi
