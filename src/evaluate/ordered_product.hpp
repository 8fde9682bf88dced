#pragma once

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/matrix.hpp"

namespace rbmpi {

/// Local, on the calling thread. product = states matrix, each row a sum in the order of the units, whatever rows are
/// computed together: for numbers that are on no grid, where multiply() (core/state_products.hpp) would not be exact.
/// states: M x K, matrix: K x N, product: M x N.
void multiply_in_order(ConstBitMatrixView states, ConstMatrixView matrix, MatrixView product) noexcept;

}  // namespace rbmpi
