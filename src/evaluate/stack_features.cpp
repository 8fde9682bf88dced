#include "rbmpi/evaluate/stack_features.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "rbmpi/core/exact_weights.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/real_product.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/mini_batch.hpp"

namespace rbmpi {
namespace {

/// Rows whose products are formed together.
constexpr std::size_t block_rows = 256;
constexpr ProbabilityRounding finest{.exact = true, .grid = {exact_bits}};
constexpr ProbabilityRounding unrounded{.exact = false, .grid = {}};

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
  explicit Fields(RbmView<const Real> rbm) : rbm_(rbm), product_(block_rows, rbm.shape().visible, rbm.shape().hidden) {
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

StackFeatures::StackFeatures(std::vector<RbmView<const Real>> layers, const Samples& samples,
                             std::vector<std::int32_t> classes)
    : layers_(std::move(layers)),
      base_(samples),
      classes_(std::move(classes)),
      features_(layers_.empty() ? samples.columns : layers_.back().shape().hidden),
      below_(block_rows * widest(shapes_of(layers_), samples.columns)),
      above_(below_.size()) {
  for (const RbmView<const Real>& layer : layers_) fields_.push_back(std::make_unique<Fields>(layer));
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
  for (std::size_t first = 0; first < rows.size(); first += block_rows) {
    make_block(rows.subspan(first, std::min(block_rows, rows.size() - first)),
               values + first * (features_ + classes_.size()));
  }
}

void StackFeatures::make_block(std::span<const std::uint64_t> rows, Real* values) {
  const std::size_t count = rows.size();
  MatrixView v{below_.data(), count, base_.columns};
  MatrixView next{above_.data(), count, 0};
  parallel_for(count, [&](std::size_t i) { row_probabilities(base_, base_.row(rows[i]), finest, v.row(i)); });
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    const bool highest = k + 1 == layers_.size();
    const std::size_t hidden = layers_[k].shape().hidden;
    next.columns = hidden;
    fields_[k]->multiply(v, next);
    parallel_for(count, [&](std::size_t i) {
      activate(next.row(i), layers_[k].hidden_bias.data(), hidden, unrounded);
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
  std::uint64_t bytes = 2 * block_rows * widest(shapes, columns) * sizeof(Real);
  std::uint64_t rounding = 0;  // of one layer at a time, to find its grid
  for (const RbmShape& shape : shapes) {
    bytes += RealProduct::memory(block_rows, shape.visible, shape.hidden);
    rounding = std::max<std::uint64_t>(rounding, 2 * shape.weights() * sizeof(Real));
  }
  return bytes + rounding;
}

}  // namespace rbmpi
