#pragma once

#include <string>

#include "rbmpi/core/matrix.hpp"

namespace rbmpi {

// Matrix products by OpenBLAS (SGEMM, DGEMM). All are Local and use the threads of `use_threads`. Shapes must fit; an
// empty sum is zero. The order of the sums is the library's own, so a result is the same everywhere only if the sums
// are exact (docs/numerics.md).

/// c = a b, with a: M x K, b: K x N, c: M x N.
void multiply(BasicMatrixView<const float> a, BasicMatrixView<const float> b, BasicMatrixView<float> c);
void multiply(BasicMatrixView<const double> a, BasicMatrixView<const double> b, BasicMatrixView<double> c);
/// c = a b^T, with a: M x K, b: N x K, c: M x N.
void multiply_by_transposed(BasicMatrixView<const float> a, BasicMatrixView<const float> b, BasicMatrixView<float> c);
void multiply_by_transposed(BasicMatrixView<const double> a, BasicMatrixView<const double> b,
                            BasicMatrixView<double> c);
/// c = a'^T b, with a' the M columns of a from `first` on, b: K x N, c: M x N.
void transposed_times(BasicMatrixView<const float> a, std::size_t first, BasicMatrixView<const float> b,
                      BasicMatrixView<float> c);
void transposed_times(BasicMatrixView<const double> a, std::size_t first, BasicMatrixView<const double> b,
                      BasicMatrixView<double> c);
/// c -= a'^T b.
void subtract_transposed_times(ConstMatrixView a, std::size_t first, ConstMatrixView b, MatrixView c);

/// "OpenBLAS 0.3.21", and the kernels that it chose for this processor, such as "Zen".
[[nodiscard]] std::string blas_version();
[[nodiscard]] std::string blas_kernel();

namespace detail {
/// Sets the threads of OpenBLAS and returns how many it will use.
int set_blas_threads(int threads);
}  // namespace detail

}  // namespace rbmpi
