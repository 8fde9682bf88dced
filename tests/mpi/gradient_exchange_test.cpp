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
  const auto ranks = static_cast<std::uint64_t>(world_.size());
  const std::uint64_t samples = 1000003 * ranks * (ranks + 1) / 2;
  Arena memory;
  const bool wide = GetParam();
  GradientSums sums(2, wide, memory);
  const Real weight = wide ? 1 : static_cast<Real>(samples);  // in wide form they are averages
  for (int step = 0; step < 3; ++step) {
    sums.values()[0] = static_cast<Real>(world_.rank() + 1);
    sums.values()[1] = -0.5F;
    sums.finish_part(true);
    sums.exchange(world_, static_cast<double>(samples));
    EXPECT_FLOAT_EQ(sums.values()[0] / weight, 1.0F / 1000003.0F);
    EXPECT_FLOAT_EQ(sums.values()[1] / weight, -1.0F / 1000003.0F / static_cast<Real>(ranks + 1));
  }
}

}  // namespace
}  // namespace rbmpi
