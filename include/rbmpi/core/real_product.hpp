#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/matrix.hpp"

namespace rbmpi {

/// Weights that change from product to product are rounded in each, some columns at a time, so that the copy stays
/// small; finished ones once, by `RealProduct::round`.
enum class RealWeights { changing, finished };

/// fields = p W for real-valued p in [0, 1], where the rows are no zeros and ones. In exact arithmetic, p on a grid of
/// exponent <= 24 and W rounded to a grid 2^5 times finer than that of `Couplings::weights_up`: products and sums stay
/// below 2^53 quanta, which double precision holds exactly, so the result is the same for every order of the sums; each
/// field is then rounded to single precision once.
class RealProduct {
 public:
  /// For products of up to `rows` rows with weights [visible x hidden].
  RealProduct(std::size_t rows, std::size_t visible, std::size_t hidden, RealWeights weights = RealWeights::changing);

  /// Local, on all threads. p: n x V with n <= rows, weights: V x H with `up_grid` as Couplings chose it for them,
  /// fields: n x H.
  void exact(ConstMatrixView p, ConstMatrixView weights, Grid up_grid, MatrixView fields);
  /// The same with weights that `round` has rounded.
  void exact(ConstMatrixView p, std::span<const double> rounded, MatrixView fields);

  /// Local, on all threads. rounded: V H values, for `exact`.
  static void round(ConstMatrixView weights, Grid up_grid, std::span<double> rounded);

  /// Bytes that an object for these sizes holds.
  [[nodiscard]] static std::uint64_t memory(std::size_t rows, std::size_t visible, std::size_t hidden,
                                            RealWeights weights = RealWeights::changing);

 private:
  void multiply_panel(std::size_t rows, const double* panel, std::size_t first, MatrixView fields);

  std::size_t visible_;
  std::size_t panel_;  // columns of W that are multiplied by at a time
  AlignedBuffer<double> p_;
  AlignedBuffer<double> weights_;
  AlignedBuffer<double> fields_;
};

}  // namespace rbmpi
