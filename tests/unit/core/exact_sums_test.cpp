#include "rbmpi/core/exact_sums.hpp"

#include <cmath>

#include <gtest/gtest.h>

#include "rbmpi/core/state_kernels.hpp"

namespace rbmpi {
namespace {

TEST(ProbabilityGridTest, IsTheFinestWithExactSums) {
  EXPECT_EQ(probability_grid(1).exponent, 24);
  EXPECT_EQ(probability_grid(2).exponent, 23);
  EXPECT_EQ(probability_grid(100).exponent, 17);
  EXPECT_EQ(probability_grid(4096).exponent, 12);
  for (std::size_t samples = 1; samples <= largest_single_precision_batch; ++samples) {
    const double quanta = std::ldexp(static_cast<double>(samples), probability_grid(samples).exponent);
    ASSERT_LE(quanta, 0x1p24) << samples;
    ASSERT_GT(2 * quanta, 0x1p24) << samples;
  }
  EXPECT_EQ(probability_grid(4097).exponent, 12);
  EXPECT_EQ(probability_grid(1000000).exponent, 12);
}

/// The most quanta that a sum of `terms` rounded weights can have.
double quanta(double norm, std::size_t terms, int exponent) {
  return std::ldexp(norm, exponent - norm_exponent) + static_cast<double>(terms) / 2;
}

TEST(WeightGridTest, IsTheFinestWithExactSums) {
  for (const std::size_t terms : {1U, 10U, 784U, 100000U}) {
    for (Real norm = 1; norm < 0x1p24F; norm = std::floor(norm * 1.37F) + 1) {
      const int exponent = weight_grid(norm, terms).exponent;
      ASSERT_LE(exponent, 24);
      if (exponent < 0) continue;
      ASSERT_LE(quanta(double{norm}, terms, exponent), 0x1p24) << norm << ", " << terms;
      ASSERT_TRUE(exponent == 24 || quanta(double{norm}, terms, exponent + 1) > 0x1p24) << norm << ", " << terms;
    }
  }
  EXPECT_EQ(weight_grid(0, 784).exponent, 24);
  EXPECT_EQ(weight_grid(256, 2).exponent, 23);  // the L1 norm 1: 2^24 quanta and the rounding would be too many
  EXPECT_GE(weight_grid(0x1p24F - 1, 1).exponent, 0);
  EXPECT_LT(weight_grid(0x1p24F - 1, std::size_t{1} << 25).exponent, 0);
}

}  // namespace
}  // namespace rbmpi
