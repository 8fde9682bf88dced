#include "rbmpi/train/weight_products.hpp"

#include <algorithm>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {

WeightProducts::WeightProducts(Arithmetic arithmetic, RbmView<const Real> rbm, std::size_t probability_rows,
                               std::size_t parts, Workspace& memory)
    : arithmetic_(arithmetic), rbm_(rbm), parts_(parts) {
  const auto [visible, hidden] = rbm.shape();
  if (arithmetic == Arithmetic::plain) {
    memory_.row_norms = memory.node.take<Real>(parts * whole_lines<Real>(1));  // only tell which parts are not finite
    return;
  }
  memory_ = ExactWeightsMemory(visible, hidden, parts, memory.node);
  exact_ = ExactWeights(visible, hidden, parts, memory_);
  if (probability_rows > 0) real_product_.emplace(probability_rows, visible, hidden, memory.rank);
}

void WeightProducts::begin_part(std::size_t part) noexcept {
  if (arithmetic_ == Arithmetic::exact) {
    exact_.begin_part(part);
  } else {
    memory_.row_norms[part * whole_lines<Real>(1)] = 0;
  }
}

void WeightProducts::follow_rows(Shard rows, std::size_t part) noexcept {
  if (arithmetic_ == Arithmetic::exact) {
    exact_.round_rows(rbm_.weights, rows.first, rows.count, part);  // which looks at them as well
  } else if (!all_finite(rbm_.weights.row(rows.first), rows.count * rbm_.weights.columns)) {
    memory_.row_norms[part * whole_lines<Real>(1)] = 1;
  }
}

void WeightProducts::follow_biases(Shard units, std::size_t part) noexcept {
  if (all_finite(rbm_.visible_bias.data() + units.first, units.count)) return;
  if (arithmetic_ == Arithmetic::exact) {
    exact_.reject_part(part);
  } else {
    memory_.row_norms[part * whole_lines<Real>(1)] = 1;
  }
}

ExactWeights::Fit WeightProducts::settle() noexcept {
  if (arithmetic_ == Arithmetic::exact) return exact_.settle();
  const bool finite = std::ranges::all_of(memory_.row_norms, [](Real norm) { return norm == 0; });
  return finite ? ExactWeights::Fit::good : ExactWeights::Fit::impossible;
}

bool WeightProducts::assign() {
  ExactWeights::Fit fit = ExactWeights::Fit::other_grid;
  while (fit == ExactWeights::Fit::other_grid) {
    parallel_for(parts_, [&](std::size_t part) {
      const auto share = [&](std::uint64_t total) {
        return shard(total, static_cast<int>(part), static_cast<int>(parts_));
      };
      begin_part(part);
      follow_rows(share(rbm_.weights.rows), part);
      follow_biases(share(rbm_.shape().parameters() - rbm_.shape().weights()), part);
    });
    fit = settle();
  }
  return fit == ExactWeights::Fit::good;
}

void WeightProducts::up(ConstMatrixView states, MatrixView fields) const {
  multiply(states, arithmetic_ == Arithmetic::exact ? exact_.up() : rbm_.weights, fields);
}

void WeightProducts::down(ConstMatrixView states, MatrixView fields) const {
  if (arithmetic_ == Arithmetic::exact) {
    multiply(states, exact_.down_transposed(), fields);
  } else {
    multiply_by_transposed(states, rbm_.weights, fields);
  }
}

void WeightProducts::up_from_probabilities(ConstMatrixView p, MatrixView fields) {
  if (arithmetic_ == Arithmetic::plain) {
    multiply(p, rbm_.weights, fields);
    return;
  }
  real_product_->exact(p, rbm_.weights, exact_.up_grid(), fields);
}

}  // namespace rbmpi
