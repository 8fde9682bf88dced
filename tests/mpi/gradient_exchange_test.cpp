#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/train/gradient_sums.hpp"

namespace rbmpi {
namespace {

class GradientExchangeTest : public testing::TestWithParam<bool> {
 protected:
  Communicator world_ = Communicator::world();
};

INSTANTIATE_TEST_SUITE_P(Forms, GradientExchangeTest, testing::Values(false, true),
                         [](const auto& test) { return test.param ? "wide" : "single"; });

TEST_P(GradientExchangeTest, EveryRankHasTheSumsOfAll) {
  const auto rank = static_cast<std::uint64_t>(world_.rank());
  const auto ranks = static_cast<std::uint64_t>(world_.size());
  GradientSums sums(2, GetParam());
  for (int step = 0; step < 3; ++step) {
    sums.clear();
    sums.gradient()[0] = static_cast<Real>(rank + 1);
    sums.gradient()[1] = -0.5F;
    sums.finish_part();
    sums.add_samples(1000003 * (rank + 1));
    sums.add_squared_error((std::uint64_t{1} << 50) + 255 * rank);
    sums.exchange(world_);
    EXPECT_EQ(sums.samples(), 1000003 * ranks * (ranks + 1) / 2);
    EXPECT_EQ(sums.squared_error(), (ranks << 50) + 255 * ranks * (ranks - 1) / 2);
    EXPECT_FALSE(sums.stop_requested());
    EXPECT_FLOAT_EQ(sums.gradient()[0] * sums.sample_share(), 1.0F / 1000003.0F);
    EXPECT_FLOAT_EQ(sums.gradient()[1] * sums.sample_share(), -1.0F / 1000003.0F / static_cast<Real>(ranks + 1));
  }
}

TEST_P(GradientExchangeTest, ARankWithoutSamplesTakesPart) {
  GradientSums sums(1, GetParam());
  sums.clear();
  if (world_.is_root()) {
    sums.gradient()[0] = 3;
    sums.add_samples(2);
  }
  sums.finish_part();
  sums.exchange(world_);
  EXPECT_EQ(sums.samples(), 2U);
  EXPECT_EQ(sums.gradient()[0] * sums.sample_share(), 1.5F);
}

TEST_P(GradientExchangeTest, TheWishOfOneRankToStopReachesAll) {
  for (int who = 0; who < world_.size(); ++who) {
    GradientSums sums(1, GetParam());
    sums.clear();
    if (world_.rank() == who) sums.request_stop();
    sums.add_samples(1);
    sums.exchange(world_);
    EXPECT_TRUE(sums.stop_requested());
  }
}

}  // namespace
}  // namespace rbmpi
