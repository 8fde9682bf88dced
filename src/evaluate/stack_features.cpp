#include "rbmpi/evaluate/stack_features.hpp"

#include <algorithm>
#include <utility>

#include "evaluate/pieces.hpp"
#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/real_product.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/mini_batch.hpp"

namespace rbmpi {
namespace {

std::size_t widest(std::span<const RbmShape> shapes, std::size_t columns) {
  std::size_t most = columns;
  for (const RbmShape& shape : shapes) most = std::max(most, shape.hidden);
  return most;
}

std::vector<RbmShape> shapes_of(std::span<const RbmView<const Real>> layers) {
  std::vector<RbmShape> shapes;
  for (const RbmView<const Real>& layer : layers) shapes.push_back(layer.shape());
  return shapes;
}

}  // namespace

/// fields = v W for real-valued v: n x V -> n x H, the same bits whatever rows are computed together. In exact
/// arithmetic; where the weights are too large for that, row by row in the order of the units.
class StackFeatures::Fields {
 public:
  Fields(RbmView<const Real> rbm, std::span<const double> rounded)
      : rbm_(rbm),
        rounded_(rounded),
        product_(product_rows, rbm.shape().visible, rbm.shape().hidden, RealWeights::finished) {}

  /// Local, on all threads.
  void multiply(ConstMatrixView v, MatrixView fields) {
    if (!rounded_.empty()) return product_.exact(v, rounded_, fields);
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
  std::span<const double> rounded_;
  RealProduct product_;
};

StackFeatures::StackFeatures(std::vector<RbmView<const Real>> layers, const Samples& samples,
                             std::vector<std::int32_t> classes)
    : StackFeatures(std::make_unique<StackWeights>(std::move(layers)), samples, std::move(classes)) {}

StackFeatures::StackFeatures(std::unique_ptr<StackWeights> own, const Samples& samples,
                             std::vector<std::int32_t> classes)
    : StackFeatures(*own, samples, std::move(classes)) {
  own_ = std::move(own);  // NOLINT(cppcoreguidelines-prefer-member-initializer): a delegating constructor has none
}

StackFeatures::StackFeatures(const StackWeights& weights, const Samples& samples, std::vector<std::int32_t> classes)
    : weights_(weights),
      base_(samples),
      classes_(std::move(classes)),
      features_(weights.layers().empty() ? samples.columns : weights.layers().back().shape().hidden),
      below_(product_rows * widest(shapes_of(weights.layers()), samples.columns)),
      above_(below_.size()) {
  for (std::size_t k = 0; k < weights.layers().size(); ++k) {
    fields_.push_back(std::make_unique<Fields>(weights.layers()[k], weights.rounded(k)));
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
    fields_[k]->multiply(v, next);
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

std::uint64_t StackFeatures::memory(std::span<const RbmShape> shapes, std::size_t columns) {
  std::uint64_t bytes = 2 * product_rows * widest(shapes, columns) * sizeof(Real);
  for (const RbmShape& shape : shapes) {
    bytes += RealProduct::memory(product_rows, shape.visible, shape.hidden, RealWeights::finished);
  }
  return bytes;
}

}  // namespace rbmpi
