#include "rbmpi/core/gemm.hpp"

#include <algorithm>
#include <cassert>
#include <sstream>
#include <vector>

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

/// c = old c + factor op(a) op(b): M x N, of M x K and K x N.
void gemm(CBLAS_TRANSPOSE op_a, CBLAS_TRANSPOSE op_b, std::size_t k, float factor, const float* a, std::size_t stride_a,
          const float* b, std::size_t stride_b, float old, BasicMatrixView<float> c) {
  cblas_sgemm(CblasRowMajor, op_a, op_b, size(c.rows), size(c.columns), size(k), factor, a, stride(stride_a), b,
              stride(stride_b), old, c.values, stride(c.columns));
}

void gemm(CBLAS_TRANSPOSE op_a, CBLAS_TRANSPOSE op_b, std::size_t k, double factor, const double* a,
          std::size_t stride_a, const double* b, std::size_t stride_b, double old, BasicMatrixView<double> c) {
  cblas_dgemm(CblasRowMajor, op_a, op_b, size(c.rows), size(c.columns), size(k), factor, a, stride(stride_a), b,
              stride(stride_b), old, c.values, stride(c.columns));
}

template <typename Value>
void product(BasicMatrixView<const Value> a, BasicMatrixView<const Value> b, BasicMatrixView<Value> c) {
  assert(a.columns == b.rows && c.rows == a.rows && c.columns == b.columns);
  gemm(CblasNoTrans, CblasNoTrans, a.columns, Value{1}, a.values, a.columns, b.values, b.columns, Value{0}, c);
}

template <typename Value>
void product_with_transposed(BasicMatrixView<const Value> a, BasicMatrixView<const Value> b, BasicMatrixView<Value> c) {
  assert(a.columns == b.columns && c.rows == a.rows && c.columns == b.rows);
  gemm(CblasNoTrans, CblasTrans, a.columns, Value{1}, a.values, a.columns, b.values, b.columns, Value{0}, c);
}

/// c = old c + factor a'^T b.
template <typename Value>
void accumulate_transposed_times(Value old, Value factor, BasicMatrixView<const Value> a, std::size_t first,
                                 BasicMatrixView<const Value> b, BasicMatrixView<Value> c) {
  assert(a.rows == b.rows && first + c.rows <= a.columns && c.columns == b.columns);
  gemm(CblasTrans, CblasNoTrans, a.rows, factor, a.values + first, a.columns, b.values, b.columns, old, c);
}

}  // namespace

void multiply(BasicMatrixView<const float> a, BasicMatrixView<const float> b, BasicMatrixView<float> c) {
  product(a, b, c);
}

void multiply(BasicMatrixView<const double> a, BasicMatrixView<const double> b, BasicMatrixView<double> c) {
  product(a, b, c);
}

void multiply_by_transposed(BasicMatrixView<const float> a, BasicMatrixView<const float> b, BasicMatrixView<float> c) {
  product_with_transposed(a, b, c);
}

void multiply_by_transposed(BasicMatrixView<const double> a, BasicMatrixView<const double> b,
                            BasicMatrixView<double> c) {
  product_with_transposed(a, b, c);
}

void transposed_times(BasicMatrixView<const float> a, std::size_t first, BasicMatrixView<const float> b,
                      BasicMatrixView<float> c) {
  accumulate_transposed_times(0.0F, 1.0F, a, first, b, c);
}

void transposed_times(BasicMatrixView<const double> a, std::size_t first, BasicMatrixView<const double> b,
                      BasicMatrixView<double> c) {
  accumulate_transposed_times(0.0, 1.0, a, first, b, c);
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
  // OpenBLAS takes its buffers with the first product that is large enough for several threads, and asks for ever for
  // those that it cannot get. So that is now, while there is room for them.
  constexpr std::size_t n = 128;
  const std::vector<float> zeros(n * n);
  std::vector<float> result(n * n);
  gemm(CblasNoTrans, CblasNoTrans, n, 1.0F, zeros.data(), n, zeros.data(), n, 0.0F, {result.data(), n, n});
  return openblas_get_num_threads();
}

}  // namespace rbmpi
