#include "rbmpi/evaluate/row_mean.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "support/numbers.hpp"

namespace rbmpi {
namespace {

RowSums sums_of(const std::vector<double>& figures, std::size_t first, std::size_t end) {
  RowSums sums;
  for (std::size_t i = first; i < end; ++i) sums.add(figures[i]);
  return sums;
}

TEST(RowMeanTest, OfFiguresFarFromZero) {
  // 0, 1, 2, ... besides a number beside whose square theirs are lost.
  constexpr double far = 1e9;
  constexpr std::size_t rows = 1000;
  std::vector<double> figures(rows);
  for (std::size_t i = 0; i < rows; ++i) figures[i] = far + static_cast<double>(i * 7 % rows);
  RowSums sums;
  for (std::size_t block = 0; block < rows; block += 64) sums.add(sums_of(figures, block, std::min(block + 64, rows)));
  const RowMean mean = sums.result();
  EXPECT_DOUBLE_EQ(mean.mean, far + 499.5);
  // n (n + 1) / 12 is the variance of 0 .. n - 1 (with n - 1); over n, the square of the standard error.
  ASSERT_TRUE(mean.standard_error);
  EXPECT_NEAR(*mean.standard_error, std::sqrt(1001.0 / 12), 1e-6);
}

TEST(RowMeanTest, NoRowsChangeNothing) {
  test::Random random(1);
  RowSums sums;
  sums.add(RowSums{});
  for (int i = 0; i < 10; ++i) sums.add(random.uniform());
  const RowSums before = sums;
  sums.add(RowSums{});
  EXPECT_EQ(sums.mean, before.mean);
  EXPECT_EQ(sums.squares, before.squares);
  RowSums later;
  later.add(before);
  EXPECT_EQ(later.mean, before.mean);
  EXPECT_EQ(later.squares, before.squares);
}

TEST(RowMeanTest, ASingleRowHasNoError) {
  RowSums sums;
  sums.add(-3.5);
  EXPECT_EQ(sums.result().mean, -3.5);
  EXPECT_FALSE(sums.result().standard_error);
  sums.add(-3.5);
  EXPECT_EQ(sums.result().standard_error, 0.0);
}

}  // namespace
}  // namespace rbmpi
