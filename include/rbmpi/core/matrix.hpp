#pragma once

#include <cstddef>

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

}  // namespace rbmpi
