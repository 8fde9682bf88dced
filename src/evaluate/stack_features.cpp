#include "rbmpi/evaluate/stack_features.hpp"

#include <algorithm>
#include <utility>

#include "evaluate/pieces.hpp"
#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/mini_batch.hpp"

namespace rbmpi {
namespace {

std::size_t widest(const StackWeights& weights, std::size_t columns) {
  std::size_t most = columns;
  for (const RbmView<const Real>& layer : weights.layers()) most = std::max(most, layer.shape().hidden);
  return most;
}

}  // namespace

/// Weights that nobody else uses, and memory.
struct StackFeatures::Own {
  explicit Own(std::vector<RbmView<const Real>> layers) : weights(std::move(layers), memory, memory) {
    weights.round();
  }
  Arena memory;
  StackWeights weights;
};

StackFeatures::StackFeatures(std::vector<RbmView<const Real>> layers, const Samples& samples,
                             std::vector<std::int32_t> classes)
    : StackFeatures(std::make_unique<Own>(std::move(layers)), samples, std::move(classes)) {}

StackFeatures::StackFeatures(std::unique_ptr<Own> own, const Samples& samples, std::vector<std::int32_t> classes)
    : StackFeatures(own->weights, samples, std::move(classes), own->memory) {
  own_ = std::move(own);  // NOLINT(cppcoreguidelines-prefer-member-initializer): a delegating constructor has none
}

StackFeatures::StackFeatures(const StackWeights& weights, const Samples& samples, std::vector<std::int32_t> classes,
                             Arena& own)
    : weights_(weights),
      base_(samples),
      classes_(std::move(classes)),
      features_(weights.layers().empty() ? samples.columns : weights.layers().back().shape().hidden),
      below_(own.take<Real>(product_rows * widest(weights, samples.columns))),
      above_(own.take<Real>(product_rows * widest(weights, samples.columns))) {
  for (const RbmView<const Real>& layer : weights.layers()) {
    products_.emplace_back(product_rows, layer.shape().visible, layer.shape().hidden, own, RealWeights::finished);
  }
}

StackFeatures::~StackFeatures() = default;

Samples StackFeatures::samples() noexcept {
  return {.type = ElementType::float32,
          .values = nullptr,
          .rows = base_.rows,
          .columns = features_ + classes_.size(),
          .scale = 1,
          .labels = base_.labels,
          .maker = this,
          .first_made = 0};
}

void StackFeatures::make(std::span<const std::uint64_t> rows, Real* values) {
  for (std::size_t first = 0; first < rows.size(); first += product_rows) {
    make_block(rows.subspan(first, std::min(product_rows, rows.size() - first)),
               values + first * (features_ + classes_.size()));
  }
}

void StackFeatures::make_block(std::span<const std::uint64_t> rows, Real* values) {
  const std::size_t count = rows.size();
  MatrixView v{below_.data(), count, base_.columns};
  MatrixView next{above_.data(), count, 0};
  parallel_for(count, [&](std::size_t i) { row_probabilities(base_, base_.row(rows[i]), finest, v.row(i)); });
  const std::vector<RbmView<const Real>>& layers = weights_.layers();
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const bool highest = k + 1 == layers.size();
    const std::size_t hidden = layers[k].shape().hidden;
    next.columns = hidden;
    multiply(k, v, next);
    parallel_for(count, [&](std::size_t i) {
      activate(next.row(i), layers[k].hidden_bias.data(), hidden, unrounded);
      // What the layer above takes in is rounded to the grid of data; what goes out is not.
      if (!highest) scale_to_probabilities(next.row(i), 1, hidden, finest, next.row(i));
    });
    std::swap(v, next);
  }
  parallel_for(count, [&](std::size_t i) {
    Real* const row = values + i * (features_ + classes_.size());
    std::copy_n(v.row(i), features_, row);
    for (std::size_t k = 0; k < classes_.size(); ++k) {
      row[features_ + k] = base_.labels[rows[i]] == classes_[k] ? Real{1} : Real{0};
    }
  });
}

/// fields = v W for real-valued v: n x V -> n x H, the same bits whatever rows are computed together. In exact
/// arithmetic; where the weights are too large for that, row by row in the order of the units.
void StackFeatures::multiply(std::size_t layer, ConstMatrixView v, MatrixView fields) {
  const std::span<const double> rounded = weights_.rounded(layer);
  if (!rounded.empty()) return products_[layer].exact(v, rounded, fields);
  const ConstMatrixView weights = weights_.layers()[layer].weights;
  parallel_for(v.rows, [&](std::size_t row) {
    for (std::size_t j = 0; j < fields.columns; ++j) {
      double sum = 0;
      for (std::size_t i = 0; i < v.columns; ++i) sum += double{v.row(row)[i]} * double{weights.row(i)[j]};
      fields.row(row)[j] = static_cast<Real>(sum);
    }
  });
}

}  // namespace rbmpi
