#include "evaluate/unit_fields.hpp"

#include <algorithm>
#include <bit>

#include "rbmpi/core/state_products.hpp"

namespace rbmpi {
namespace {

/// product = states matrix, each row a sum in the order of the units.
void multiply_in_order(ConstBitMatrixView states, ConstMatrixView matrix, MatrixView product) noexcept {
  for (std::size_t row = 0; row < states.rows; ++row) {
    Real* const sums = product.row(row);
    std::fill_n(sums, product.columns, Real{0});
    for (std::size_t word = 0; word < states.row_words(); ++word) {
      for (std::uint64_t on = states.row(row)[word]; on != 0; on &= on - 1) {
        const Real* const terms = matrix.row(word * 64 + static_cast<std::size_t>(std::countr_zero(on)));
        for (std::size_t j = 0; j < product.columns; ++j) sums[j] += terms[j];
      }
    }
  }
}

}  // namespace

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
