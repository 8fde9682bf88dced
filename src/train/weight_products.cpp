#include "rbmpi/train/weight_products.hpp"

#include "rbmpi/core/gemm.hpp"

namespace rbmpi {

WeightProducts::WeightProducts(Arithmetic arithmetic, RbmShape shape, std::size_t probability_rows)
    : arithmetic_(arithmetic) {
  if (arithmetic == Arithmetic::plain) return;
  exact_ = ExactWeights(shape.visible, shape.hidden);
  if (probability_rows > 0) real_product_.emplace(probability_rows, shape.visible, shape.hidden);
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
  real_product_->exact(p, weights_, exact_.up_grid(), fields);
}

std::uint64_t WeightProducts::memory(Arithmetic arithmetic, RbmShape shape, std::size_t probability_rows) {
  if (arithmetic == Arithmetic::plain) return 0;
  return 2 * shape.weights() * sizeof(Real) +
         (probability_rows > 0 ? RealProduct::memory(probability_rows, shape.visible, shape.hidden) : 0);
}

}  // namespace rbmpi
