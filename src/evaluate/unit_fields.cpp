#include "evaluate/unit_fields.hpp"

#include "evaluate/ordered_product.hpp"
#include "rbmpi/core/state_products.hpp"

namespace rbmpi {
UnitFields::UnitFields(RbmView<const Real> rbm) : rbm_(rbm) {
  const RbmShape shape = rbm.shape();
  exact_.emplace(shape.visible, shape.hidden);
  if (exact_->assign(rbm.weights)) return;
  exact_.reset();
  transposed_ = AlignedBuffer<Real>(shape.hidden * down_columns());
  for (std::size_t i = 0; i < shape.visible; ++i) {
    for (std::size_t j = 0; j < shape.hidden; ++j) transposed_.data()[j * down_columns() + i] = rbm.weights.row(i)[j];
  }
}

void UnitFields::up(ConstBitMatrixView states, MatrixView fields) const noexcept {
  if (exact_) {
    multiply(states, exact_->up(), fields);
  } else {
    multiply_in_order(states, rbm_.weights, fields);
  }
}

void UnitFields::down(ConstBitMatrixView states, MatrixView fields) const noexcept {
  if (exact_) {
    multiply(states, exact_->down_transposed(), fields);
  } else {
    multiply_in_order(states, {transposed_.data(), rbm_.shape().hidden, down_columns()}, fields);
  }
}

}  // namespace rbmpi
