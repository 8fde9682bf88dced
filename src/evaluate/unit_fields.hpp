#pragma once

#include <cstddef>
#include <optional>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/exact_weights.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/model/rbm.hpp"

namespace rbmpi {

/// The fields of the units on one side from the states of the other side, without the biases: v W and h W^T, for n rows
/// of states. By the exact sums of training; where the weights are too large for them, by plain sums in the order of
/// the units. Both are the same bits wherever and with whatever other rows a row is computed.
class UnitFields {
 public:
  /// Local, on all threads. `rbm` must live on.
  explicit UnitFields(RbmView<const Real> rbm);

  /// Local, on the calling thread. states: n x V, fields: n x H.
  void up(ConstBitMatrixView states, MatrixView fields) const noexcept;
  /// Local, on the calling thread. states: n x H, fields: n x `down_columns()`, of which those behind V are 0.
  void down(ConstBitMatrixView states, MatrixView fields) const noexcept;
  [[nodiscard]] std::size_t down_columns() const noexcept { return padded_columns(rbm_.shape().visible); }

 private:
  RbmView<const Real> rbm_;
  std::optional<ExactWeights> exact_;
  AlignedBuffer<Real> transposed_;  // W^T, H x down_columns(), where there are no exact sums
};

}  // namespace rbmpi
