#include "rbmpi/core/real_product.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "rbmpi/gibbs/couplings.hpp"
#include "support/numbers.hpp"

namespace rbmpi {
namespace {

using test::Random;
using test::same_bits;

struct Case {
  std::size_t rows;
  std::size_t visible;
  std::size_t hidden;
  double size;  // standard deviation of the weights
  int grid;     // exponent of the grid of p
};

std::vector<Real> probabilities(std::size_t count, int grid, Random& random) {
  std::vector<Real> p(count);
  for (Real& value : p) {
    value = static_cast<Real>(std::ldexp(std::nearbyint(std::ldexp(random.uniform(), grid)), -grid));
  }
  return p;
}

std::vector<Real> weights(std::size_t count, double size, Random& random) {
  std::vector<Real> values(count);
  for (Real& value : values) value = static_cast<Real>(size * random.bell());
  return values;
}

class RealProductTest : public testing::Test {
 protected:
  void TearDown() override { use_threads(1); }
};

TEST_F(RealProductTest, IsTheSumInWholeNumbersRoundedOnce) {
  Random random(1);
  for (const Case& c : {Case{3, 50, 20, 0.01, 24}, Case{7, 33, 257, 1.0, 17}, Case{2, 784, 600, 20.0, 24},
                        Case{1, 1, 1, 0.5, 0}, Case{5, 100, 512, 0.0001, 12}}) {
    const std::vector<Real> p = probabilities(c.rows * c.visible, c.grid, random);
    const std::vector<Real> w = weights(c.visible * c.hidden, c.size, random);
    const Couplings exact(WeightRounding::two_grids, {w.data(), c.visible, c.hidden});
    ASSERT_TRUE(exact.exact());

    const int weight_exponent = exact.up_grid().exponent + 5;
    std::vector<Real> expected(c.rows * c.hidden);
    for (std::size_t i = 0; i < c.rows; ++i) {
      for (std::size_t j = 0; j < c.hidden; ++j) {
        std::int64_t sum = 0;  // in units of 2^-(24 + weight_exponent)
        for (std::size_t k = 0; k < c.visible; ++k) {
          const auto whole_p = static_cast<std::int64_t>(std::ldexp(double{p[i * c.visible + k]}, 24));
          sum += whole_p * std::llrint(std::ldexp(double{w[k * c.hidden + j]}, weight_exponent));
        }
        EXPECT_LE(std::abs(static_cast<double>(sum)), 0x1p53);
        expected[i * c.hidden + j] = static_cast<Real>(std::ldexp(static_cast<double>(sum), -24 - weight_exponent));
      }
    }

    for (const int threads : {1, 2}) {
      use_threads(threads);
      Arena memory;
      RealProduct product(c.rows + 2, c.visible, c.hidden, memory);
      std::vector<Real> actual(expected.size(), 9.0F);
      product.exact({p.data(), c.rows, c.visible}, {w.data(), c.visible, c.hidden}, exact.up_grid(),
                    {actual.data(), c.rows, c.hidden});
      EXPECT_TRUE(same_bits(actual, expected)) << c.visible << " x " << c.hidden << ", " << threads << " threads";

      std::vector<double> rounded(w.size());
      RealProduct::round({w.data(), c.visible, c.hidden}, exact.up_grid(), rounded);
      RealProduct finished(c.rows + 2, c.visible, c.hidden, memory, RealWeights::finished);
      std::ranges::fill(actual, 9.0F);
      finished.exact({p.data(), c.rows, c.visible}, rounded, {actual.data(), c.rows, c.hidden});
      EXPECT_TRUE(same_bits(actual, expected)) << c.visible << " x " << c.hidden << ", rounded once";
    }
  }
}

TEST_F(RealProductTest, TheOrderOfTheUnitsDoesNotMatter) {
  constexpr std::size_t visible = 300;
  constexpr std::size_t hidden = 40;
  Random random(2);
  const std::vector<Real> p = probabilities(visible, 24, random);
  const std::vector<Real> w = weights(visible * hidden, 3.0, random);
  const Grid grid{weight_grid(0x1p20F, visible)};
  Arena memory;
  RealProduct product(1, visible, hidden, memory);
  std::vector<Real> forward(hidden);
  product.exact({p.data(), 1, visible}, {w.data(), visible, hidden}, grid, {forward.data(), 1, hidden});

  const std::vector<Real> p_backward(p.rbegin(), p.rend());
  std::vector<Real> w_backward(w.size());
  for (std::size_t k = 0; k < visible; ++k) {
    std::copy_n(w.data() + k * hidden, hidden, w_backward.data() + (visible - 1 - k) * hidden);
  }
  std::vector<Real> backward(hidden);
  product.exact({p_backward.data(), 1, visible}, {w_backward.data(), visible, hidden}, grid,
                {backward.data(), 1, hidden});
  EXPECT_TRUE(same_bits(backward, forward));
}

TEST_F(RealProductTest, ForZerosAndOnesItIsCloseToTheExactWeights) {
  constexpr std::size_t visible = 60;
  constexpr std::size_t hidden = 11;
  Random random(3);
  const std::vector<Real> p = random.bits(visible);
  const std::vector<Real> w = weights(visible * hidden, 0.5, random);
  Arena memory;
  const Couplings exact(WeightRounding::two_grids, {w.data(), visible, hidden}, memory);
  ASSERT_TRUE(exact.exact());
  RealProduct product(1, visible, hidden, memory);
  std::vector<Real> fields(hidden);
  product.exact({p.data(), 1, visible}, {w.data(), visible, hidden}, exact.up_grid(), {fields.data(), 1, hidden});
  for (std::size_t j = 0; j < hidden; ++j) {
    double expected = 0;
    for (std::size_t k = 0; k < visible; ++k) expected += double{p[k]} * double{w[k * hidden + j]};
    EXPECT_NEAR(double{fields[j]}, expected, 2e-6);
  }
}

}  // namespace
}  // namespace rbmpi
