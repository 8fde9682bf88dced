#pragma once

#include <cstddef>
#include <vector>

#include "rbmpi/core/real.hpp"

namespace rbmpi {

/// A view of `rows` x `columns` numbers, row-major, without gaps. It owns nothing.
template <typename Value>
struct BasicMatrixView {
  Value* values = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;

  [[nodiscard]] Value* row(std::size_t index) const noexcept { return values + index * columns; }
  [[nodiscard]] std::size_t size() const noexcept { return rows * columns; }
  // A view of numbers that may be written serves where they are only read.
  // NOLINTNEXTLINE(google-explicit-constructor): as std::span does
  operator BasicMatrixView<const Value>() const noexcept { return {values, rows, columns}; }
};

using MatrixView = BasicMatrixView<Real>;
using ConstMatrixView = BasicMatrixView<const Real>;

/// The numbers of the transposed matrix, `columns` x `rows`.
[[nodiscard]] inline std::vector<Real> transposed(ConstMatrixView matrix) {
  std::vector<Real> result(matrix.size());
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    for (std::size_t j = 0; j < matrix.columns; ++j) result[j * matrix.rows + i] = matrix.row(i)[j];
  }
  return result;
}

}  // namespace rbmpi
