#include "rbmpi/data/sequence_weights.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

void expect_least(NeighbourRule rule, std::uint64_t sites) {
  const auto suffices = [&](std::uint64_t equal) {
    const double identity = static_cast<double>(equal) / static_cast<double>(sites);
    return rule.above ? identity > rule.identity : identity >= rule.identity;
  };
  const std::uint64_t least = least_equal_sites(rule, sites);
  EXPECT_TRUE(suffices(least)) << least << " of " << sites << " sites, " << rule.identity;
  EXPECT_FALSE(least > 0 && suffices(least - 1)) << least << " of " << sites << " sites, " << rule.identity;
}

TEST(SequenceWeightsTest, EqualSitesAreEnoughByTheirRoundedShare) {
  EXPECT_EQ(least_equal_sites({.identity = 0.8}, 15), 12);
  EXPECT_EQ(least_equal_sites({.identity = 0.8, .above = true}, 15), 13);
  EXPECT_EQ(least_equal_sites({.identity = 0.8}, 112), 90);
  EXPECT_EQ(least_equal_sites({.identity = 0.07}, 100), 7);  // although 100 * 0.07 is a little more
  EXPECT_EQ(least_equal_sites({.identity = 0.0}, 10), 0);
  EXPECT_EQ(least_equal_sites({.identity = 0.0, .above = true}, 10), 1);
  EXPECT_EQ(least_equal_sites({.identity = 1.0}, 10), 10);
  EXPECT_EQ(least_equal_sites({.identity = 1e-300}, 1), 1);
  EXPECT_EQ(least_equal_sites({.identity = std::nextafter(1.0, 0.0), .above = true}, 1U << 31U), 1U << 31U);
}

TEST(SequenceWeightsTest, NoFewerSitesAreEnough) {
  for (std::uint64_t sites = 1; sites < 300; ++sites) {
    for (const double percent : {0, 1, 29, 57, 58, 62, 70, 80, 90, 99}) {
      expect_least({.identity = percent / 100}, sites);
      expect_least({.identity = percent / 100, .above = true}, sites);
    }
  }
}

TEST(SequenceWeightsTest, AnIdentityThatNoneCanBeIsRefused) {
  for (const double identity : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
    test::expect_error(Failure::usage, {"an identity of", "from 0 to 1"},
                       [&] { (void)least_equal_sites({.identity = identity}, 10); });
  }
  test::expect_error(Failure::usage, {"above 1", "at least 1"},
                     [] { (void)least_equal_sites({.identity = 1, .above = true}, 10); });
  test::expect_error(Failure::usage, {"without sites"}, [] { (void)least_equal_sites({}, 0); });
}

}  // namespace
}  // namespace rbmpi
