#include "rbmpi/train/measured_pairs.hpp"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace rbmpi::test {
namespace {

TEST(MeasuredPairs, AreAllPairsOfFewUnits) {
  for (const std::size_t units : std::initializer_list<std::size_t>{0, 1, 2, 3, 141}) {
    const std::size_t all = units == 0 ? 0 : units * (units - 1) / 2;
    ASSERT_EQ(measured_pairs(units), all);
    std::vector<UnitPair> pairs(all);
    choose_pairs(units, pairs);
    std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
    for (const UnitPair& pair : pairs) {
      EXPECT_LT(pair.first, pair.second);
      EXPECT_LT(pair.second, units);
      seen.emplace(pair.first, pair.second);
    }
    EXPECT_EQ(seen.size(), all);
  }
}

TEST(MeasuredPairs, AreRandomOnesOfMany) {
  constexpr std::size_t units = 784;
  ASSERT_EQ(measured_pairs(units), most_measured_pairs);
  std::vector<UnitPair> pairs(most_measured_pairs);
  choose_pairs(units, pairs);
  std::vector<int> uses(units);
  for (const UnitPair& pair : pairs) {
    ASSERT_NE(pair.first, pair.second);
    ++uses.at(pair.first);
    ++uses.at(pair.second);
  }
  // Each unit is in 25.5 pairs on average, with a standard deviation of 5.
  EXPECT_GT(std::ranges::min(uses), 5);
  EXPECT_LT(std::ranges::max(uses), 55);
}

}  // namespace
}  // namespace rbmpi::test
