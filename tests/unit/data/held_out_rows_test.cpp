#include "rbmpi/data/held_out_rows.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

TEST(HeldOutRowsTest, EachClassHasItsShare) {
  // Sorted by class, as files often are: 700, 200, 99 and 1 rows.
  std::vector<std::int32_t> labels;
  for (const auto& [label, rows] : std::map<std::int32_t, int>{{-1, 700}, {3, 200}, {4, 99}, {9, 1}}) {
    labels.insert(labels.end(), static_cast<std::size_t>(rows), label);
  }
  for (const std::uint64_t count : {0U, 1U, 10U, 101U, 500U, 999U, 1000U}) {
    const std::vector<std::uint64_t> held_out = draw_held_out_rows(1000, labels, count, 1);
    ASSERT_EQ(held_out.size(), count);
    ASSERT_TRUE(std::ranges::is_sorted(held_out));
    ASSERT_EQ(std::ranges::adjacent_find(held_out), held_out.end()) << "no row twice";
    std::map<std::int32_t, double> found;
    for (const std::uint64_t row : held_out) ++found[labels[row]];
    for (const auto& [label, rows] : std::map<std::int32_t, double>{{-1, 700}, {3, 200}, {4, 99}, {9, 1}}) {
      EXPECT_LT(std::abs(found[label] - rows * static_cast<double>(count) / 1000), 1) << count << " of class " << label;
    }
  }
}

TEST(HeldOutRowsTest, AreDrawnFromAllOfTheRows) {
  const std::vector<std::uint64_t> held_out = draw_held_out_rows(10000, {}, 1000, 1);
  double sum = 0;
  for (const std::uint64_t row : held_out) sum += static_cast<double>(row);
  EXPECT_NEAR(sum / 1000, 5000, 4 * 2887 / std::sqrt(1000));
  EXPECT_LT(held_out.front(), 100U);
  EXPECT_GT(held_out.back(), 9900U);
  EXPECT_EQ(held_out, draw_held_out_rows(10000, {}, 1000, 1));
  EXPECT_NE(held_out, draw_held_out_rows(10000, {}, 1000, 2));
}

}  // namespace
}  // namespace rbmpi
