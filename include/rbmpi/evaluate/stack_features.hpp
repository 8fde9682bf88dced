#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/real_product.hpp"
#include "rbmpi/data/row_maker.hpp"
#include "rbmpi/data/samples.hpp"
#include "rbmpi/evaluate/stack_weights.hpp"
#include "rbmpi/model/rbm.hpp"

namespace rbmpi {

/// Data as the layer above a stack of RBMs sees them (Hinton, Osindero and Teh 2006): the hidden probabilities of the
/// highest layer, p(h = 1 | v) = sigmoid(v W + c), in single precision, with those of the layer below as v, and with
/// the values of the data in [0, 1] as they are in the lowest. Products are exact (core/real_product.hpp), so a row has
/// the same bits whatever rows are made with it, by whom, and whether or not the features of a layer went through a
/// file on the way. Without layers: the data themselves.
class StackFeatures final : public RowMaker {
 public:
  /// Local. `layers`, lowest first, and `samples`, in memory, must live on and fit together. `classes`, sorted: the
  /// label of a row follows its features, as one unit for each class, of which one is on; the labels of all rows must
  /// be among them.
  StackFeatures(std::vector<RbmView<const Real>> layers, const Samples& samples,
                std::vector<std::int32_t> classes = {});
  /// Local. The same with weights that others may use as well, which must live on, and memory of `own`. They must be
  /// rounded when rows are made.
  StackFeatures(const StackWeights& weights, const Samples& samples, std::vector<std::int32_t> classes, Arena& own);
  ~StackFeatures() override;

  /// All rows, to be made when they are asked for.
  [[nodiscard]] Samples samples() noexcept;
  void make(std::span<const std::uint64_t> rows, Real* values) override;

 private:
  struct Own;
  StackFeatures(std::unique_ptr<Own> own, const Samples& samples, std::vector<std::int32_t> classes);
  void multiply(std::size_t layer, ConstMatrixView v, MatrixView fields);
  void make_block(std::span<const std::uint64_t> rows, Real* values);

  std::unique_ptr<Own> own_;
  const StackWeights& weights_;
  Samples base_;
  std::vector<std::int32_t> classes_;
  std::size_t features_;               // of a row, without the label
  std::vector<RealProduct> products_;  // of each layer
  std::span<Real> below_;              // a block of rows in a layer, and in the next
  std::span<Real> above_;
};

}  // namespace rbmpi
