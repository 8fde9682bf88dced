// The products of a training step with states of zeros and ones, each beside the SGEMM that it takes the place of,
// which also verifies it. One thread.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/state_products.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {
namespace {

/// Random states, as bits and as numbers.
struct States {
  States(std::size_t row_count, std::size_t column_count, double density)
      : rows(row_count), columns(column_count), words(rows * words_for(columns)), numbers(rows * columns) {
    std::mt19937 random(1);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        if (static_cast<double>(random()) >= density * 0x1p32) continue;
        words[i * words_for(columns) + j / 64] |= std::uint64_t{1} << (j % 64);
        numbers[i * columns + j] = 1;
      }
    }
  }

  [[nodiscard]] ConstBitMatrixView bits() const { return {words.data(), rows, columns}; }
  [[nodiscard]] ConstMatrixView reals() const { return {numbers.data(), rows, columns}; }

  std::size_t rows;
  std::size_t columns;
  std::vector<std::uint64_t> words;
  std::vector<Real> numbers;
};

/// A matrix of numbers in [-1, 1] or [0, 1] on a grid on which all their sums are exact.
struct Matrix {
  Matrix(std::size_t row_count, std::size_t column_count)
      : rows(row_count), columns(column_count), numbers(rows * columns) {}
  static Matrix random(std::size_t rows, std::size_t columns, int lowest) {
    Matrix matrix(rows, columns);
    std::mt19937 random(2);
    for (Real& number : matrix.numbers) {
      number = static_cast<Real>(static_cast<int>(random() % static_cast<unsigned>(4097 - lowest)) + lowest) * 0x1p-12F;
    }
    return matrix;
  }

  [[nodiscard]] MatrixView view() { return {numbers.data(), rows, columns}; }

  std::size_t rows;
  std::size_t columns;
  std::vector<Real> numbers;
};

/// Visible and hidden units, rows of the batch, and how many in a hundred states are on.
struct Shape {
  explicit Shape(const benchmark::State& state)
      : visible(static_cast<std::size_t>(state.range(0))),
        hidden(static_cast<std::size_t>(state.range(1))),
        batch(static_cast<std::size_t>(state.range(2))),
        density(static_cast<double>(state.range(3)) / 100) {}
  std::size_t visible;
  std::size_t hidden;
  std::size_t batch;
  double density;
};

/// Times `work`; the rate counts each product of a state and a number. An error if the result is not the expected one.
template <class Work>
void measure(benchmark::State& state, const Shape& shape, const Matrix& actual, const Matrix& expected,
             const Work& work) {
  use_threads(1);
  work();
  if (actual.numbers != expected.numbers) {
    state.SkipWithError("the result is wrong");
    return;
  }
  for ([[maybe_unused]] const auto& repetition : state) {
    work();
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(shape.visible * shape.hidden * shape.batch));
  state.SetLabel(simd_target());
}

void upward(benchmark::State& state, bool by_states) {
  const Shape shape(state);
  const States v(shape.batch, shape.visible, shape.density);
  Matrix weights = Matrix::random(shape.visible, shape.hidden, -4096);
  Matrix by_gemm(shape.batch, shape.hidden);
  Matrix actual = by_gemm;
  multiply(v.reals(), weights.view(), by_gemm.view());
  measure(state, shape, actual, by_gemm, [&] {
    by_states ? multiply(v.bits(), weights.view(), actual.view()) : multiply(v.reals(), weights.view(), actual.view());
  });
}

void gradient(benchmark::State& state, bool by_states) {
  const Shape shape(state);
  const States v0(shape.visible, shape.batch, shape.density);
  const States v1 = v0;
  const States h0(shape.batch, shape.hidden, shape.density);
  Matrix h1p = Matrix::random(shape.batch, shape.hidden, 0);
  // The GEMMs want the samples as rows of the states; only their time differs from that of the transposed product.
  Matrix by_gemm(shape.visible, shape.hidden);
  Matrix negative = by_gemm;
  Matrix actual = by_gemm;
  const auto gemms = [&](Matrix& result) {
    multiply(v0.reals(), h0.reals(), result.view());
    multiply(v1.reals(), h1p.view(), negative.view());
    std::transform(result.numbers.begin(), result.numbers.end(), negative.numbers.begin(), result.numbers.begin(),
                   std::minus<>());
  };
  gemms(by_gemm);
  const auto by_sums = [&] {
    multiply(v0.bits(), h0.bits(), actual.view());
    subtract_product(v1.bits(), h1p.view(), actual.view());
  };
  measure(state, shape, actual, by_gemm, [&] { by_states ? by_sums() : gemms(actual); });
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"visible", "hidden", "batch", "percent"})->Unit(benchmark::kMicrosecond);
  benchmark->Args({784, 300, 100, 13})->Args({784, 300, 100, 50})->Args({784, 300, 100, 90});
  benchmark->Args({784, 500, 100, 13})->Args({500, 2000, 100, 13})->Args({1024, 1024, 256, 50});
}

BENCHMARK_CAPTURE(upward, states, true)->Apply(shapes);
BENCHMARK_CAPTURE(upward, sgemm, false)->Apply(shapes);
BENCHMARK_CAPTURE(gradient, states, true)->Apply(shapes);
BENCHMARK_CAPTURE(gradient, sgemm, false)->Apply(shapes);

}  // namespace
}  // namespace rbmpi
