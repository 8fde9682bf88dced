#include "rbmpi/train/weight_products.hpp"

#include "rbmpi/core/gemm.hpp"

namespace rbmpi {

WeightProducts::WeightProducts(Arithmetic arithmetic, RbmShape shape, std::size_t rows)
    : arithmetic_(arithmetic), shape_(shape), rows_(rows) {
  if (arithmetic == Arithmetic::exact) exact_ = ExactWeights(shape.visible, shape.hidden);
}

bool WeightProducts::assign(const Rbm& rbm) {
  weights_ = rbm.view().weights;
  if (arithmetic_ == Arithmetic::plain) return all_finite(rbm.parameters().data(), rbm.parameters().size());
  // The weights are looked at while they are rounded.
  const std::size_t weights = rbm.shape().weights();
  return all_finite(rbm.parameters().data() + weights, rbm.parameters().size() - weights) && exact_.assign(weights_);
}

void WeightProducts::up(ConstMatrixView states, MatrixView fields) const {
  multiply(states, arithmetic_ == Arithmetic::exact ? exact_.up() : weights_, fields);
}

void WeightProducts::down(ConstMatrixView states, MatrixView fields) const {
  multiply_by_transposed(states, arithmetic_ == Arithmetic::exact ? exact_.down() : weights_, fields);
}

void WeightProducts::up_from_probabilities(ConstMatrixView p, MatrixView fields) {
  if (arithmetic_ == Arithmetic::plain) {
    multiply(p, weights_, fields);
    return;
  }
  if (!real_product_) real_product_.emplace(rows_, shape_.visible, shape_.hidden);
  real_product_->exact(p, weights_, exact_.up_grid(), fields);
}

std::uint64_t WeightProducts::memory(Arithmetic arithmetic, RbmShape shape, std::size_t rows, bool from_probabilities) {
  if (arithmetic == Arithmetic::plain) return 0;
  const std::uint64_t copies = 2 * shape.weights() * sizeof(Real);
  return from_probabilities ? copies + RealProduct::memory(rows, shape.visible, shape.hidden) : copies;
}

}  // namespace rbmpi
