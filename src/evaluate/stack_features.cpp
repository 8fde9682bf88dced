#include "rbmpi/evaluate/stack_features.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "evaluate/pieces.hpp"
#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/real_product.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {
namespace {

std::size_t features_of(const StackWeights& weights, std::size_t columns) {
  return weights.layers().empty() ? columns : weights.layers().back().shape().hidden;
}

std::size_t widest(const StackWeights& weights, std::size_t columns) {
  std::size_t most = columns;
  for (const RbmView<const Real>& layer : weights.layers()) most = std::max(most, layer.shape().hidden);
  return most;
}

/// Makes the rows that come next, in memory that the ranks of the node share, and reads them there.
class FeatureReader final : public RowReader {
 public:
  FeatureReader(const StackWeights& weights, const Rows& base, std::span<const std::int32_t> classes, const Rows& rows,
                const ReaderShare& share, Workspace& memory)
      : RowReader(rows),
        weights_(weights),
        classes_(classes),
        features_(features_of(weights, base.columns)),
        share_(share),
        shared_(memory.node),
        base_columns_(base.columns),
        base_(base.reader(share, memory)),
        made_(memory.node.take<Real>(share.most_rows * rows.columns)),
        made_reader_(Rows(Samples{.type = ElementType::float32,
                                  .values = reinterpret_cast<const std::byte*>(made_.data()),
                                  .rows = share.most_rows,
                                  .columns = rows.columns,
                                  .scale = 1})
                         .reader(share, memory)),
        below_(memory.rank.take<Real>(product_rows * widest(weights, base.columns))),
        above_(memory.rank.take<Real>(product_rows * widest(weights, base.columns))) {
    for (const RbmView<const Real>& layer : weights.layers()) {
      products_.emplace_back(product_rows, layer.shape().visible, layer.shape().hidden, memory.rank,
                             RealWeights::finished);
    }
  }

  void read(Shard rows, ProbabilityRounding rounding, MatrixView probabilities) const override {
    made_reader_->read(rows, rounding, probabilities);
  }
  void read(Shard rows, BasicMatrixView<double> probabilities) const override {
    made_reader_->read(rows, probabilities);
  }
  void draw(Shard rows, Shard units, ProbabilityRounding rounding, const Draws& draws, Phase phase,
            MatrixView probabilities, BitMatrixView states) const override {
    made_reader_->draw(rows, units, rounding, draws, phase, probabilities, states);
  }

 private:
  void fetch() override {
    base_->next(order(), position(), count());
    made_reader_->next(0, count());
    const Shard mine = shard(count(), static_cast<int>(share_.slot), static_cast<int>(share_.slots));
    for (std::uint64_t done = 0; done < mine.count; done += product_rows) {
      make({mine.first + done, std::min<std::uint64_t>(product_rows, mine.count - done)});
    }
    if (share_.slots > 1) shared_.synchronise();
  }

  /// Some of the rows, at most `product_rows`.
  void make(Shard some) {
    MatrixView v{below_.data(), some.count, base_columns_};
    MatrixView next{above_.data(), some.count, 0};
    base_->read_on_all_threads(some, finest, v);
    const std::vector<RbmView<const Real>>& layers = weights_.layers();
    for (std::size_t k = 0; k < layers.size(); ++k) {
      const bool highest = k + 1 == layers.size();
      const std::size_t hidden = layers[k].shape().hidden;
      next.columns = hidden;
      multiply(k, v, next);
      parallel_for(some.count, [&](std::size_t i) {
        layers[k].hidden_unit->mean(layers[k].hidden_units(), unrounded, next.row(i));
        // What the layer above takes in is rounded to the grid of data; what goes out is not.
        if (!highest) scale_to_probabilities(next.row(i), 1, hidden, finest, next.row(i));
      });
      std::swap(v, next);
    }
    std::array<std::int32_t, product_rows> labels{};
    if (!classes_.empty()) read_labels(some, std::span(labels).first(some.count));
    const std::size_t columns = features_ + classes_.size();
    parallel_for(some.count, [&](std::size_t i) {
      Real* const row = made_.data() + (some.first + i) * columns;
      std::copy_n(v.row(i), features_, row);
      for (std::size_t k = 0; k < classes_.size(); ++k) {
        row[features_ + k] = labels[i] == classes_[k] ? Real{1} : Real{0};
      }
    });
  }

  /// fields = v W for real-valued v: n x V -> n x H, the same bits whatever rows are computed together. In exact
  /// arithmetic; where the weights are too large for that, row by row in the order of the units.
  void multiply(std::size_t layer, ConstMatrixView v, MatrixView fields) {
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

  const StackWeights& weights_;
  std::span<const std::int32_t> classes_;
  std::size_t features_;  // of a row, without the label
  ReaderShare share_;
  const NodeArena& shared_;
  std::size_t base_columns_;
  std::unique_ptr<RowReader> base_;
  std::span<Real> made_;  // the rows that come next
  std::unique_ptr<RowReader> made_reader_;
  std::span<Real> below_;  // a block of rows in a layer, and in the next
  std::span<Real> above_;
  std::vector<RealProduct> products_;  // of each layer
};

}  // namespace

/// Weights that nobody else uses.
struct StackFeatures::Own {
  explicit Own(std::vector<RbmView<const Real>> layers) : weights(std::move(layers), memory, memory) {
    weights.round();
  }
  Arena memory;
  StackWeights weights;
};

StackFeatures::StackFeatures(std::vector<RbmView<const Real>> layers, const Rows& data,
                             std::vector<std::int32_t> classes)
    : StackFeatures(std::make_unique<Own>(std::move(layers)), data, std::move(classes)) {}

StackFeatures::StackFeatures(std::unique_ptr<Own> own, const Rows& data, std::vector<std::int32_t> classes)
    : StackFeatures(own->weights, data, std::move(classes)) {
  own_ = std::move(own);  // NOLINT(cppcoreguidelines-prefer-member-initializer): a delegating constructor has none
}

StackFeatures::StackFeatures(const StackWeights& weights, const Rows& data, std::vector<std::int32_t> classes)
    : RowSource(data.rows, features_of(weights, data.columns) + classes.size(), data.labels, data.weights),
      weights_(weights),
      base_(data),
      classes_(std::move(classes)) {}

StackFeatures::~StackFeatures() = default;

std::unique_ptr<RowReader> StackFeatures::reader(const Rows& rows, const ReaderShare& share, Workspace& memory) const {
  return std::make_unique<FeatureReader>(weights_, base_.part(rows.first(), rows.rows), classes_, rows, share, memory);
}

}  // namespace rbmpi
