#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/core/real_product.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/workspace.hpp"

namespace rbmpi {

/// How weights are rounded, so that sums of some of them are exact (docs/numerics.md).
enum class WeightRounding {
  two_grids,  ///< for v W and h W^T apart, each finer: training, whose two conditionals so belong to two models
  one_grid,   ///< to one grid for both, so that both directions belong to one model: Gibbs chains
  none        ///< not at all
};

/// Columns of a row of W^T [H x V] with some zeros behind it: rows begin on cache lines, so that parts of 16 rows of W
/// do not meet in any, and are an odd number of lines apart, so that those of a column go to all places of a cache.
[[nodiscard]] constexpr std::size_t padded_columns(std::size_t visible) noexcept {
  constexpr std::size_t line = whole_lines<Real>(1);
  const std::size_t lines = whole_lines<Real>(visible) / line;
  return (lines | 1U) * line;
}

/// The weights W [V x H] of an RBM as the units of both sides see them: the products v W and h W^T. Rounded weights are
/// two copies, W for v W (sums over the rows) and W^T for h W^T (sums over the columns), on grids that are a pure
/// function of W: the fields have no order of summation, and no row depends on those beside it. Move-only.
///
/// Several workers, threads also of several processes that share the memory, round the copies together, each some rows.
/// Each time each worker begins and follows its rows; all wait for each other; all `settle`, and come to the same
/// result.
class Couplings {
 public:
  /// Local, on all threads. In memory that nobody shares, and rounded; where memory is counted, the shape of the
  /// weights alone matters. `weights` must be finite and live on. Where one grid does not fit them (an L1 norm of a
  /// unit of about 2^16 or more), fields are sums in the order of the units, each rounded to single precision, which do
  /// not depend on the rows beside them either.
  Couplings(WeightRounding rounding, ConstMatrixView weights, Arena& memory);
  /// The same, in memory of its own.
  Couplings(WeightRounding rounding, ConstMatrixView weights);
  /// Local. In memory that others share, with `workers` workers; not rounded yet. `probability_rows`: the most rows
  /// that `up_from_probabilities` will have; 0 if it will not be used.
  Couplings(WeightRounding rounding, ConstMatrixView weights, std::size_t probability_rows, std::size_t workers,
            Workspace& memory);

  /// Local, on the calling thread. This worker begins anew; then it follows its rows of the weights, which it may
  /// give in several pieces. Whole cache lines are written where they begin at a multiple of 16.
  void begin(std::size_t worker) const noexcept;
  void follow(Shard rows, std::size_t worker) const noexcept;
  /// Local. The parameters of this worker are of no use: nothing will fit.
  void reject(std::size_t worker) const noexcept;

  enum class Fit {
    good,
    other_grid,  ///< all workers have to begin and follow once more: rare
    impossible   ///< the weights are not finite or, for rounded ones, too large (an L1 norm of about 2^16 or more)
  };
  /// Local, after all workers have followed and waited for each other. Whether the copies are right: every norm fits
  /// the grids that they were rounded to.
  [[nodiscard]] Fit settle() noexcept;

  /// Local, on all threads. All of the above for all weights. False if they do not fit; the copies are then useless.
  [[nodiscard]] bool round_all();

  /// Local, on the calling thread, allocates nothing; rounded weights alone. fields = v W, for states v of some visible
  /// units: n x units -> n x H.
  void up(ConstBitMatrixView v, Shard units, MatrixView fields) const noexcept;
  void up(ConstBitMatrixView v, MatrixView fields) const noexcept { up(v, {0, weights_.rows}, fields); }
  /// The same. fields = h W^T for some visible units: n x H -> n x units.
  void down(ConstBitMatrixView h, Shard units, MatrixView fields) const noexcept;
  void down(ConstBitMatrixView h, MatrixView fields) const noexcept { down(h, {0, weights_.rows}, fields); }

  /// Local, on all threads. fields = states W: n x V -> n x H. Where exact(), sums of states of -1, 0 and 1 are exact;
  /// those of other states have the order that BLAS chooses.
  void up(ConstMatrixView states, MatrixView fields) const;
  /// The same. fields = states W^T: n x H -> n x `down_columns`, of which those behind V are 0.
  void down(ConstMatrixView states, MatrixView fields) const;
  /// V, or padded_columns(V) for rounded weights.
  [[nodiscard]] std::size_t down_columns() const noexcept {
    return rounding_ == WeightRounding::none ? weights_.rows : padded_columns(weights_.rows);
  }
  /// Local, on all threads. fields = p W, for p in [0, 1], with rounded weights on a grid of exponent <= 24.
  void up_from_probabilities(ConstMatrixView p, MatrixView fields);

  /// V.
  [[nodiscard]] std::size_t visible() const noexcept { return weights_.rows; }
  /// H.
  [[nodiscard]] std::size_t hidden() const noexcept { return weights_.columns; }
  /// Whether products with states of zeros and ones, or of -1, 0 and 1, are exact sums (docs/numerics.md).
  [[nodiscard]] bool exact() const noexcept { return exact_; }
  /// V x H: what v is multiplied by.
  [[nodiscard]] ConstMatrixView weights_up() const noexcept {
    return {exact_ ? memory_.up.data() : weights_.values, weights_.rows, weights_.columns};
  }
  /// H x padded_columns(V): what h is multiplied by, of rounded weights.
  [[nodiscard]] ConstMatrixView weights_down() const noexcept {
    return {memory_.down.data(), weights_.columns, padded_columns(weights_.rows)};
  }
  [[nodiscard]] Grid up_grid() const noexcept { return up_grid_; }
  [[nodiscard]] Grid down_grid() const noexcept { return down_grid_; }

 private:
  struct Memory {
    std::span<Real> up;            // V x H
    std::span<Real> down;          // H x padded_columns(V)
    std::span<Real> column_norms;  // workers x whole_lines(H)
    std::span<Real> row_norms;  // workers x whole_lines(1), of which the first is used; unrounded: which are not finite
  };
  void round();
  static Memory take(WeightRounding rounding, ConstMatrixView weights, std::size_t workers, Arena& memory);
  [[nodiscard]] Real& row_norm(std::size_t worker) const noexcept {
    return memory_.row_norms[worker * whole_lines<Real>(1)];
  }
  [[nodiscard]] Real largest_column_norm() const noexcept;

  WeightRounding rounding_;
  ConstMatrixView weights_;
  std::size_t workers_;
  Arena own_;
  Memory memory_;
  bool exact_ = false;
  Grid up_grid_{exact_bits};
  Grid down_grid_{exact_bits};
  std::optional<RealProduct> real_product_;
};

}  // namespace rbmpi
