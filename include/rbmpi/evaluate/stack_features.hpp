#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/evaluate/stack_weights.hpp"
#include "rbmpi/model/rbm.hpp"

namespace rbmpi {

/// Data as the layer above a stack of RBMs sees them (Hinton, Osindero and Teh 2006): the hidden probabilities of the
/// highest layer, p(h = 1 | v) = sigmoid(v W + c), in single precision, with those of the layer below as v, and with
/// the values of the data in [0, 1] as they are in the lowest. Products are exact (core/real_product.hpp), so a row has
/// the same bits whatever rows are made with it, by whom, and whether or not the features of a layer went through a
/// file on the way. Without layers: the data themselves. A reader makes the rows that it is told, those that a node
/// reads together each rank its share of them.
class StackFeatures final : public RowSource {
 public:
  /// Local. `layers`, lowest first, and the data must live on and fit together. `classes`, sorted: the label of a row
  /// follows its features, as one unit for each class, of which one is on; the labels of all rows must be among them.
  StackFeatures(std::vector<RbmView<const Real>> layers, const Rows& data, std::vector<std::int32_t> classes = {});
  /// Local. The same with weights that others may use as well, which must live on. They must be rounded when rows are
  /// made.
  StackFeatures(const StackWeights& weights, const Rows& data, std::vector<std::int32_t> classes);
  ~StackFeatures() override;

  [[nodiscard]] std::unique_ptr<RowReader> reader(const Rows& rows, const ReaderShare& share,
                                                  Workspace& memory) const override;

 private:
  struct Own;
  StackFeatures(std::unique_ptr<Own> own, const Rows& data, std::vector<std::int32_t> classes);

  std::unique_ptr<Own> own_;
  const StackWeights& weights_;
  Rows base_;
  std::vector<std::int32_t> classes_;
};

}  // namespace rbmpi
