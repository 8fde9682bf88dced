#include "rbmpi/train/scaling_model.hpp"

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

// As scripts/scaling-model has them; tests/e2e/bench_test.py compares the two.
TEST(ScalingModelTest, NodesSendEachByteTwiceButTheirOwnShare) {
  const Link gigabit{.latency = 0, .bandwidth = 125e6};
  EXPECT_EQ(exchange_seconds(1, 1'000'000, gigabit), 0);
  EXPECT_DOUBLE_EQ(exchange_seconds(2, 1'000'000, gigabit), 8e-3);
  EXPECT_DOUBLE_EQ(exchange_seconds(4, 1'000'000, gigabit), 12e-3);
  EXPECT_DOUBLE_EQ(exchange_seconds(1000, 1'000'000, gigabit), 15.984e-3);
}

TEST(ScalingModelTest, LatencyCountsWithTheLogarithmOfTheNodes) {
  const Link slow{.latency = 1e-3, .bandwidth = 1e18};
  EXPECT_NEAR(exchange_seconds(2, 1000, slow), 4e-3, 1e-12);
  EXPECT_NEAR(exchange_seconds(8, 1000, slow), 12e-3, 1e-12);
}

TEST(ScalingModelTest, TheFirstPieceIsAlwaysSeen) {
  EXPECT_DOUBLE_EQ(visible_exchange_seconds(8e-3, 0), 8e-3);
  EXPECT_DOUBLE_EQ(visible_exchange_seconds(8e-3, 1.6e-3), 7.3e-3);
  EXPECT_DOUBLE_EQ(visible_exchange_seconds(8e-3, 1), 1e-3);
}

}  // namespace
}  // namespace rbmpi
