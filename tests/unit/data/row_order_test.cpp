#include "rbmpi/data/row_order.hpp"

#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

std::vector<std::uint64_t> rows_of(const RowOrder& order, std::uint64_t rows) {
  std::vector<std::uint64_t> all(rows);
  for (std::uint64_t i = 0; i < rows; ++i) all[i] = order.row(i);
  return all;
}

void expect_permutation(std::uint64_t rows, std::uint64_t seed, std::uint64_t epoch) {
  const RowOrder order(rows, true, seed, 0, epoch);
  std::vector<bool> seen(rows);
  for (std::uint64_t i = 0; i < rows; ++i) {
    const std::uint64_t row = order.row(i);
    ASSERT_LT(row, rows) << rows << " rows, position " << i;
    ASSERT_FALSE(seen[row]) << rows << " rows, row " << row << " comes twice";
    seen[row] = true;
  }
}

TEST(RowOrderTest, IsAPermutation) {
  for (std::uint64_t rows = 1; rows <= 300; ++rows) {
    for (std::uint64_t epoch = 1; epoch <= 3; ++epoch) expect_permutation(rows, 1, epoch);
  }
  for (const std::uint64_t rows : {1023U, 1024U, 1025U, 4096U, 4097U, 42000U, 65536U, 65537U, 100003U}) {
    expect_permutation(rows, 7, 2);
  }
}

TEST(RowOrderTest, HoldsForMoreRowsThanFitInMemory) {
  for (const std::uint64_t rows :
       {(std::uint64_t{1} << 40) - 1, (std::uint64_t{1} << 40) + 1, std::uint64_t{1} << 62}) {
    const RowOrder order(rows, true, 1, 0, 1);
    for (std::uint64_t i = 0; i < 100; ++i) EXPECT_LT(order.row(rows - 1 - i), rows);
  }
}

TEST(RowOrderTest, ManyAtATimeAreAsOneByOne) {
  for (const std::uint64_t rows : {1U, 2U, 5U, 100U, 1000U, 1025U}) {
    const RowOrder order(rows, true, 3, 1, 2);
    for (const std::uint64_t count : {1U, 31U, 32U, 33U, 100U, 1000U}) {
      if (count > rows) continue;
      std::vector<std::uint64_t> found(count);
      order.rows(rows - count, found);
      for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(found[i], order.row(rows - count + i));
    }
  }
}

TEST(RowOrderTest, OneBlockIsTheOrderWithoutBlocks) {
  for (const std::uint64_t rows : {1U, 2U, 100U, 1025U}) {
    const std::vector<std::uint64_t> expected = rows_of(RowOrder(rows, true, 3, 1, 2), rows);
    for (const std::uint64_t block_rows : {std::uint64_t{0}, rows, rows + 1}) {
      EXPECT_EQ(rows_of(RowOrder(rows, true, 3, 1, 2, block_rows), rows), expected);
    }
  }
}

TEST(RowOrderTest, BlocksAreShuffledAndTheRowsOfEach) {
  std::set<std::vector<std::uint64_t>> orders;
  std::set<std::uint64_t> places_of_last;
  for (std::uint64_t epoch = 1; epoch <= 20; ++epoch) {
    const std::vector<std::uint64_t> all = rows_of(RowOrder(95, true, 1, 0, epoch, 10), 95);
    for (std::uint64_t i = 0; i < 95; ++i) {
      if (all[i] == 90) places_of_last.insert(i / 10);
    }
    for (std::uint64_t i = 0; i + 10 <= 95; i += 10) {  // of a whole block, as far as these are one
      std::vector<std::uint64_t> block(all.begin() + static_cast<std::ptrdiff_t>(i),
                                       all.begin() + static_cast<std::ptrdiff_t>(i) + 10);
      for (std::uint64_t& row : block) row %= 10;
      orders.insert(block);
    }
  }
  EXPECT_GT(orders.size(), 150U);
  EXPECT_GT(places_of_last.size(), 5U);
}

// The order is part of what a digest means.
TEST(RowOrderTest, IsKnown) {
  EXPECT_EQ(rows_of(RowOrder(10, true, 1, 0, 1), 10), (std::vector<std::uint64_t>{2, 5, 1, 0, 7, 9, 8, 3, 6, 4}));
}

TEST(RowOrderTest, WithoutShufflingItIsTheOrderOfTheFile) {
  const RowOrder order(1000, false, 1, 0, 1);
  for (std::uint64_t i = 0; i < 1000; ++i) EXPECT_EQ(order.row(i), i);
}

TEST(RowOrderTest, DependsOnSeedLayerAndEpoch) {
  constexpr std::uint64_t rows = 50;
  const auto order = rows_of(RowOrder(rows, true, 1, 0, 1), rows);
  EXPECT_EQ(rows_of(RowOrder(rows, true, 1, 0, 1), rows), order);
  EXPECT_NE(rows_of(RowOrder(rows, true, 2, 0, 1), rows), order);
  EXPECT_NE(rows_of(RowOrder(rows, true, 1, 1, 1), rows), order);
  EXPECT_NE(rows_of(RowOrder(rows, true, 1, 0, 2), rows), order);
}

// Chi-square of how often each row stands at each position, over many epochs. Its mean is the degrees of freedom f, its
// standard deviation sqrt(2 f).
TEST(RowOrderTest, EveryRowStandsAnywhereEquallyOften) {
  for (const std::uint64_t rows : {2U, 3U, 4U, 5U, 10U, 16U, 17U, 33U}) {
    const std::uint64_t epochs = 1000 * rows;
    std::vector<double> counts(rows * rows);
    for (std::uint64_t epoch = 1; epoch <= epochs; ++epoch) {
      const RowOrder order(rows, true, 1, 0, epoch);
      for (std::uint64_t i = 0; i < rows; ++i) ++counts[i * rows + order.row(i)];
    }
    double chi_square = 0;
    for (const double count : counts) chi_square += (count - 1000) * (count - 1000) / 1000;
    // Rows and columns of the table have given sums.
    const auto freedom = static_cast<double>((rows - 1) * (rows - 1));
    EXPECT_LT(chi_square, freedom + 5 * std::sqrt(2 * freedom)) << rows << " rows";
  }
}

// The same for two neighbours: pairs of rows, so that the order is more than a rotation.
TEST(RowOrderTest, NeighboursAreAnyTwoRows) {
  constexpr std::uint64_t rows = 8;
  constexpr std::uint64_t epochs = 56 * 1000;
  std::vector<double> counts(rows * rows);
  for (std::uint64_t epoch = 1; epoch <= epochs; ++epoch) {
    const RowOrder order(rows, true, 3, 0, epoch);
    ++counts[order.row(2) * rows + order.row(3)];
  }
  double chi_square = 0;
  for (std::uint64_t i = 0; i < rows * rows; ++i) {
    const double expected = i / rows == i % rows ? 0 : 1000;
    if (expected == 0) {
      EXPECT_EQ(counts[i], 0);
    } else {
      chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
  }
  EXPECT_LT(chi_square, 55 + 5 * std::sqrt(2 * 55.0));
}

}  // namespace
}  // namespace rbmpi
