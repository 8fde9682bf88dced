#pragma once

#include <cstddef>

#include "rbmpi/core/aligned_buffer.hpp"
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

/// Copies of the weights W [V x H], rounded so that products with zeros and ones are exact, whatever their order:
/// `up` for v W (sums over the rows) and `down` for h W^T (sums over the columns). The grids are a pure function of W.
class ExactWeights {
 public:
  ExactWeights() = default;
  ExactWeights(std::size_t rows, std::size_t columns);

  /// Local, on all threads. Rounds `weights` [V x H]. Costs one pass over W; two where a grid changes, which is rare.
  /// Returns false, and leaves the copies useless, if the weights are not finite or too large (an L1 norm of about
  /// 2^16 or more).
  [[nodiscard]] bool assign(ConstMatrixView weights);

  [[nodiscard]] ConstMatrixView up() const noexcept { return {up_.data(), rows_, columns_}; }
  [[nodiscard]] ConstMatrixView down() const noexcept { return {down_.data(), rows_, columns_}; }
  [[nodiscard]] Grid up_grid() const noexcept { return up_grid_; }
  [[nodiscard]] Grid down_grid() const noexcept { return down_grid_; }

 private:
  struct Norms {
    Real column;  ///< the largest over the columns of the sum of ceil(2^8 |w|)
    Real row;
  };
  Norms round(ConstMatrixView weights);

  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  AlignedBuffer<Real> up_;
  AlignedBuffer<Real> down_;
  Grid up_grid_;
  Grid down_grid_;
  AlignedBuffer<Real> column_norms_;  // one row for each part of the rows that a thread takes
  AlignedBuffer<Real> row_norms_;     // the largest of each part
};

}  // namespace rbmpi
