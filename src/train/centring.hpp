#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/workspace.hpp"
#include "rbmpi/train/gradient_function.hpp"
#include "rbmpi/train/training_options.hpp"

namespace rbmpi {

/// The centred gradient (Melchior, Fischer, Wiskott, JMLR 17(99), 2016) of an RBM with one parameter to a unit, in the
/// parameters of the machine that is not centred. With W, b and c the differences of the means over data and model of
/// v h^T, v and h, and the offsets m [V] and l [H], which are means of v and h in the data,
///   W' = W - b l^T - m c^T,   b' = b - W' l,   c' = c - W'^T m
/// What zeros and ones are called then makes no difference to learning. The offsets are the means of the batch, or
/// sliding means of those of all batches so far: those of the first batch whose rows count, and then a hundredth of the
/// way to the last one in each step.
class Centring {
 public:
  /// Local. `centring` is not `off`.
  Centring(RbmShape shape, CentringOffsets centring, const NodeShare& share, Workspace& memory);

  /// Local. The offsets with which a training begins: none. For the first rank of a node.
  void begin();
  /// Local, on the calling thread. As BatchGradient::combine. The parameters of the units are shown.
  void combine(std::size_t array, Shard rows, std::size_t thread, const PhaseSums& sums, std::span<Real> data,
               std::span<const Real> model);
  /// Local. Sliding offsets, replicated.
  [[nodiscard]] std::vector<StateArray> state();

 private:
  /// Of a unit, the visible ones first.
  [[nodiscard]] Real offset(std::size_t unit, const PhaseSums& sums) const;
  void combine_weights(Shard rows, std::size_t thread, const PhaseSums& sums, std::span<Real> data,
                       std::span<const Real> model);

  RbmShape shape_;
  bool slide_;
  std::span<Real> offsets_;      // V + H, of the last step, or `none_yet`; where they slide
  std::span<Real> row_sums_;     // W' l: V
  std::span<Real> column_sums_;  // the part of W'^T m of each group of rows: groups x H
  std::span<Real> of_hidden_;    // l and c of each thread: threads x 2 H
};

}  // namespace rbmpi
