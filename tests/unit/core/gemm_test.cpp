#include "rbmpi/core/gemm.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "support/numbers.hpp"

namespace rbmpi {
namespace {

using test::Random;
using test::same_bits;

struct Sizes {
  std::size_t m;
  std::size_t n;
  std::size_t k;
};
constexpr Sizes all_sizes[] = {{1, 1, 1}, {3, 5, 7}, {17, 1, 33}, {1, 64, 100}, {40, 30, 20}, {128, 65, 257}};

/// Small whole numbers, whose products and sums are exact.
std::vector<Real> whole_numbers(std::size_t count, Random& random) {
  std::vector<Real> values(count);
  for (Real& value : values) value = static_cast<Real>(random.below(9)) - 4;
  return values;
}

std::vector<Real> transposed(const std::vector<Real>& a, std::size_t rows, std::size_t columns) {
  std::vector<Real> t(a.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) t[j * rows + i] = a[i * columns + j];
  }
  return t;
}

std::vector<Real> product(const std::vector<Real>& a, const std::vector<Real>& b, const Sizes& s) {
  std::vector<Real> c(s.m * s.n);
  for (std::size_t i = 0; i < s.m; ++i) {
    for (std::size_t j = 0; j < s.n; ++j) {
      for (std::size_t k = 0; k < s.k; ++k) c[i * s.n + j] += a[i * s.k + k] * b[k * s.n + j];
    }
  }
  return c;
}

class GemmTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override { use_threads(GetParam()); }
  void TearDown() override { use_threads(1); }
  Random random_{1};
};

INSTANTIATE_TEST_SUITE_P(Threads, GemmTest, testing::Values(1, 2));

TEST_P(GemmTest, ProductsAreThoseOfTheTextbook) {
  for (const Sizes& s : all_sizes) {
    const std::vector<Real> a = whole_numbers(s.m * s.k, random_);
    const std::vector<Real> b = whole_numbers(s.k * s.n, random_);
    const std::vector<Real> a_transposed = transposed(a, s.m, s.k);
    const std::vector<Real> b_transposed = transposed(b, s.k, s.n);
    const std::vector<Real> expected = product(a, b, s);

    std::vector<Real> c(s.m * s.n, 7.0F);
    multiply({a.data(), s.m, s.k}, {b.data(), s.k, s.n}, {c.data(), s.m, s.n});
    EXPECT_TRUE(same_bits(c, expected));
    c.assign(c.size(), 7.0F);
    multiply_by_transposed({a.data(), s.m, s.k}, {b_transposed.data(), s.n, s.k}, {c.data(), s.m, s.n});
    EXPECT_TRUE(same_bits(c, expected));

    c.assign(c.size(), 7.0F);
    transposed_times({a_transposed.data(), s.k, s.m}, 0, {b.data(), s.k, s.n}, {c.data(), s.m, s.n});
    EXPECT_TRUE(same_bits(c, expected));
    std::vector<Real> difference(c.size(), 7.0F);
    for (std::size_t i = 0; i < c.size(); ++i) difference[i] -= expected[i];
    c.assign(c.size(), 7.0F);
    subtract_transposed_times({a_transposed.data(), s.k, s.m}, 0, {b.data(), s.k, s.n}, {c.data(), s.m, s.n});
    EXPECT_TRUE(same_bits(c, difference));

    const std::size_t first = s.m / 3;  // some of the columns of a only
    const std::span<Real> some = std::span(c).subspan(first * s.n);
    transposed_times({a_transposed.data(), s.k, s.m}, first, {b.data(), s.k, s.n}, {some.data(), s.m - first, s.n});
    EXPECT_TRUE(std::ranges::equal(some, std::span(expected).subspan(first * s.n)));

    const std::vector<double> a_wide(a.begin(), a.end());
    const std::vector<double> b_wide(b.begin(), b.end());
    std::vector<double> c_wide(c.size(), 7.0);
    multiply(BasicMatrixView<const double>{a_wide.data(), s.m, s.k},
             BasicMatrixView<const double>{b_wide.data(), s.k, s.n}, BasicMatrixView<double>{c_wide.data(), s.m, s.n});
    EXPECT_EQ(c_wide, std::vector<double>(expected.begin(), expected.end()));
  }
}

TEST_P(GemmTest, EmptyProductsAreNoError) {
  Real values[6] = {1, 2, 3, 4, 5, 6};
  multiply({values, 0, 2}, {values, 2, 3}, {nullptr, 0, 3});
  subtract_transposed_times({values, 0, 2}, 0, {values, 0, 3}, {values, 2, 3});
  EXPECT_THAT(values, testing::ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(BlasTest, SaysWhatItIs) {
  EXPECT_THAT(blas_version(), testing::MatchesRegex("OpenBLAS [0-9]+\\.[0-9]+\\.[0-9]+.*"));
  EXPECT_FALSE(blas_kernel().empty());
}

}  // namespace
}  // namespace rbmpi
