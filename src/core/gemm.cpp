#include "rbmpi/core/gemm.hpp"

#include <algorithm>
#include <cassert>
#include <sstream>

#include <cblas.h>

namespace rbmpi {
namespace {

blasint size(std::size_t value) {
  return static_cast<blasint>(value);
}

// Row-major matrices without gaps; a leading dimension must not be 0 even where nothing is to be done.
blasint stride(std::size_t columns) {
  return size(std::max<std::size_t>(columns, 1));
}

/// c = old c + factor a'^T b.
void accumulate_transposed_times(Real old, Real factor, ConstMatrixView a, std::size_t first, ConstMatrixView b,
                                 MatrixView c) {
  assert(a.rows == b.rows && first + c.rows <= a.columns && c.columns == b.columns);
  cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, size(c.rows), size(c.columns), size(a.rows), factor,
              a.values + first, stride(a.columns), b.values, stride(b.columns), old, c.values, stride(c.columns));
}

}  // namespace

void multiply(ConstMatrixView a, ConstMatrixView b, MatrixView c) {
  assert(a.columns == b.rows && c.rows == a.rows && c.columns == b.columns);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size(c.rows), size(c.columns), size(a.columns), 1.0F, a.values,
              stride(a.columns), b.values, stride(b.columns), 0.0F, c.values, stride(c.columns));
}

void multiply(BasicMatrixView<const double> a, BasicMatrixView<const double> b, BasicMatrixView<double> c) {
  assert(a.columns == b.rows && c.rows == a.rows && c.columns == b.columns);
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size(c.rows), size(c.columns), size(a.columns), 1.0, a.values,
              stride(a.columns), b.values, stride(b.columns), 0.0, c.values, stride(c.columns));
}

void multiply_by_transposed(ConstMatrixView a, ConstMatrixView b, MatrixView c) {
  assert(a.columns == b.columns && c.rows == a.rows && c.columns == b.rows);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size(c.rows), size(c.columns), size(a.columns), 1.0F, a.values,
              stride(a.columns), b.values, stride(b.columns), 0.0F, c.values, stride(c.columns));
}

void transposed_times(ConstMatrixView a, std::size_t first, ConstMatrixView b, MatrixView c) {
  accumulate_transposed_times(0.0F, 1.0F, a, first, b, c);
}

void subtract_transposed_times(ConstMatrixView a, std::size_t first, ConstMatrixView b, MatrixView c) {
  accumulate_transposed_times(1.0F, -1.0F, a, first, b, c);
}

std::string blas_version() {
  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ...": the first two words.
  std::istringstream config(openblas_get_config());
  std::string name;
  std::string version;
  config >> name >> version;
  return name + " " + version;
}

std::string blas_kernel() {
  return openblas_get_corename();
}

int detail::set_blas_threads(int threads) {
  openblas_set_num_threads(threads);
  return openblas_get_num_threads();
}

}  // namespace rbmpi
