#pragma once

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/matrix.hpp"

namespace rbmpi {

// Matrix products with states of zeros and ones, as sums of the rows that are on: fewer additions than a GEMM has, and
// no multiplication. All are Local, run on the calling thread and allocate nothing; shapes must fit. The numbers must
// be on a grid such that all their sums are exact (docs/numerics.md): then every order of the additions, and a sum of
// all rows less those that are off, give the same bits, those of core/gemm.hpp.

/// Some neighbouring columns of a matrix; it owns nothing.
struct ColumnsView {
  ColumnsView(ConstMatrixView matrix, std::size_t first, std::size_t count) noexcept
      : values(matrix.values + first), rows(matrix.rows), columns(count), stride(matrix.columns) {}

  [[nodiscard]] const Real* row(std::size_t index) const noexcept { return values + index * stride; }

  const Real* values;
  std::size_t rows;
  std::size_t columns;
  std::size_t stride;  ///< from row to row
};

/// product = states matrix, with states: M x K, matrix: K x N, product: M x N.
void multiply(ConstBitMatrixView states, ColumnsView matrix, MatrixView product) noexcept;
void multiply(ConstBitMatrixView states, ConstMatrixView matrix, MatrixView product) noexcept;
/// The same for a matrix of zeros and ones.
void multiply(ConstBitMatrixView states, ConstBitMatrixView matrix, MatrixView product) noexcept;
/// product -= states matrix.
void subtract_product(ConstBitMatrixView states, ConstMatrixView matrix, MatrixView product) noexcept;

}  // namespace rbmpi
