#pragma once

#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/matrix.hpp"

namespace rbmpi {

/// The weights of Gibbs chains whose states are bits: W [V x H] rounded to one grid on which the sums of both v W and
/// h W^T are exact (docs/numerics.md). So the fields are the same for every number of chains that go side by side, and
/// both directions belong to one model, that with the weights `weights()`: its distribution is what the chains leave
/// unchanged. (Training rounds for each direction apart, finer; its two conditionals belong to two models.)
///
/// Weights too large for exact sums (an L1 norm of a unit of about 2^16 or more) are not rounded; fields are then sums
/// in the order of the units, each rounded to single precision, which does not depend on the other chains either.
class ChainWeights {
 public:
  /// Local, on all threads. The weights must be finite. Where memory is counted their shape alone matters.
  ChainWeights(ConstMatrixView weights, Arena& memory);

  /// Whether all sums are exact.
  [[nodiscard]] bool exact() const noexcept { return exact_; }
  /// V x H: those of the model that the chains belong to.
  [[nodiscard]] ConstMatrixView weights() const noexcept { return {up_.data(), rows_, columns_}; }

  /// Local, on the calling thread, allocates nothing. fields = v W: n x V -> n x H.
  void up(ConstBitMatrixView v, MatrixView fields) const noexcept;
  /// The same: fields = h W^T: n x H -> n x V.
  void down(ConstBitMatrixView h, MatrixView fields) const noexcept;

 private:
  std::size_t rows_;
  std::size_t columns_;
  bool exact_ = false;
  std::span<Real> up_;    // W: V x H
  std::span<Real> down_;  // W^T: H x V
};

}  // namespace rbmpi
