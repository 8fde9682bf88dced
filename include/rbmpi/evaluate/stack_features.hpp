#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "rbmpi/core/aligned_buffer.hpp"
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
  /// Local. The same with weights that others may use as well, which must live on.
  StackFeatures(const StackWeights& weights, const Samples& samples, std::vector<std::int32_t> classes = {});
  ~StackFeatures() override;

  /// All rows, to be made when they are asked for.
  [[nodiscard]] Samples samples() noexcept;
  void make(std::span<const std::uint64_t> rows, Real* values) override;

  /// Bytes that an object for such layers holds besides StackWeights.
  [[nodiscard]] static std::uint64_t memory(std::span<const RbmShape> shapes, std::size_t columns);

 private:
  class Fields;
  StackFeatures(std::unique_ptr<StackWeights> own, const Samples& samples, std::vector<std::int32_t> classes);
  void make_block(std::span<const std::uint64_t> rows, Real* values);

  std::unique_ptr<StackWeights> own_;
  const StackWeights& weights_;
  Samples base_;
  std::vector<std::int32_t> classes_;
  std::size_t features_;  // of a row, without the label
  std::vector<std::unique_ptr<Fields>> fields_;
  AlignedBuffer<Real> below_;  // a block of rows in a layer, and in the next
  AlignedBuffer<Real> above_;
};

}  // namespace rbmpi
