#pragma once

#include <cstddef>
#include <span>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"

namespace rbmpi {

/// Single precision holds every integer up to 2^24: sums of grid numbers are exact as long as they stay below 2^24
/// quanta.
inline constexpr int exact_bits = 24;

/// The finest grid for probabilities of which `samples` are added up exactly: exponent k, samples * 2^k <= 2^24.
/// Batches beyond 4096 samples keep k = 12; their sums are formed in parts and added in double precision
/// (docs/numerics.md).
[[nodiscard]] Grid probability_grid(std::size_t samples) noexcept;
inline constexpr std::size_t largest_single_precision_batch = 4096;

/// The finest grid (exponent q, at most 24) on which any sum of some of `terms` weights is exact, if the sum of their
/// ceil(2^8 |w|) is at most `norm`: norm * 2^(q - 8) + terms / 2 <= 2^24. A negative exponent means that the weights
/// are too large for exact sums of any use.
[[nodiscard]] Grid weight_grid(Real norm, std::size_t terms) noexcept;

/// Columns of a row of W^T [H x V] with some zeros behind it: rows begin on cache lines, so that parts of 16 rows of W
/// do not meet in any, and are an odd number of lines apart, so that those of a column go to all places of a cache.
[[nodiscard]] constexpr std::size_t padded_columns(std::size_t visible) noexcept {
  constexpr std::size_t line = whole_lines<Real>(1);
  const std::size_t lines = whole_lines<Real>(visible) / line;
  return (lines | 1U) * line;
}

/// Where the copies of ExactWeights lie: all zero at first. Those who round parts of the same weights share it.
struct ExactWeightsMemory {
  ExactWeightsMemory() = default;
  ExactWeightsMemory(std::size_t rows, std::size_t columns, std::size_t parts, Arena& memory);

  std::span<Real> up;               ///< V x H
  std::span<Real> down_transposed;  ///< H x padded_columns(V)
  std::span<Real> column_norms;     ///< parts x whole_lines(H)
  std::span<Real> row_norms;        ///< parts x whole_lines(1), of which the first is used
};

/// Copies of the weights W [V x H], rounded so that products with zeros and ones are exact, whatever their order:
/// `up` for v W (sums over the rows) and `down_transposed`, H x padded_columns(V), for h W^T (sums over the columns).
/// The grids are a pure function of W.
///
/// Several threads, also of several processes, may round parts of the rows. A round of that is: each part begins and
/// rounds its rows; all wait for each other; all `settle`, and come to the same result.
class ExactWeights {
 public:
  ExactWeights() = default;
  /// In memory of its own, with a part for each thread.
  ExactWeights(std::size_t rows, std::size_t columns);
  /// In memory that others share, with `parts` parts.
  ExactWeights(std::size_t rows, std::size_t columns, std::size_t parts, ExactWeightsMemory memory);

  /// Local, on the calling thread. A new round for this part; then its rows [first, first + count) of the weights
  /// [V x H], which it may give in several pieces. Whole cache lines are written where `first` is a multiple of 16.
  void begin_part(std::size_t part) const noexcept;
  void round_rows(ConstMatrixView weights, std::size_t first, std::size_t count, std::size_t part) noexcept;
  /// Local. The weights of this part are of no use: nothing will fit.
  void reject_part(std::size_t part) const noexcept;

  enum class Fit {
    good,
    other_grid,  ///< all parts have to be rounded once more: rare
    impossible   ///< the weights are not finite or too large (an L1 norm of about 2^16 or more)
  };
  /// Local. Whether the copies are right: every norm fits the grids that they were rounded to.
  [[nodiscard]] Fit settle() noexcept;

  /// Local, on all threads. All of the above for all weights. False if they do not fit; the copies are then useless.
  [[nodiscard]] bool assign(ConstMatrixView weights);

  [[nodiscard]] ConstMatrixView up() const noexcept { return {memory_.up.data(), rows_, columns_}; }
  [[nodiscard]] ConstMatrixView down_transposed() const noexcept {
    return {memory_.down_transposed.data(), columns_, padded_columns(rows_)};
  }
  [[nodiscard]] Grid up_grid() const noexcept { return up_grid_; }
  [[nodiscard]] Grid down_grid() const noexcept { return down_grid_; }

 private:
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::size_t parts_ = 0;
  Arena own_;
  ExactWeightsMemory memory_;
  Grid up_grid_{exact_bits};
  Grid down_grid_{exact_bits};
};

}  // namespace rbmpi
