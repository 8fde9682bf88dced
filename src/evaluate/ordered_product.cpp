#include "evaluate/ordered_product.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace rbmpi {

void multiply_in_order(ConstBitMatrixView states, ConstMatrixView matrix, MatrixView product) noexcept {
  for (std::size_t row = 0; row < states.rows; ++row) {
    Real* const sums = product.row(row);
    std::fill_n(sums, product.columns, Real{0});
    for (std::size_t word = 0; word < states.row_words(); ++word) {
      for (std::uint64_t on = states.row(row)[word]; on != 0; on &= on - 1) {
        const Real* const terms = matrix.row(word * 64 + static_cast<std::size_t>(std::countr_zero(on)));
        for (std::size_t j = 0; j < product.columns; ++j) sums[j] += terms[j];
      }
    }
  }
}

}  // namespace rbmpi
