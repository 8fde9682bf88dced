#include "rbmpi/train/gradient_sums.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"

namespace rbmpi {
namespace {

using testing::Each;
using testing::ElementsAre;

std::vector<Real> copy(GradientSums& sums) {
  return {sums.gradient().begin(), sums.gradient().end()};
}

class GradientSumsTest : public testing::TestWithParam<bool> {
 protected:
  Communicator alone_;
};

INSTANTIATE_TEST_SUITE_P(Forms, GradientSumsTest, testing::Values(false, true),
                         [](const auto& test) { return test.param ? "wide" : "single"; });

TEST_P(GradientSumsTest, NumbersOfAnySizeSurviveTheExchange) {
  for (const std::uint64_t number :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{255}, std::uint64_t{256}, (std::uint64_t{1} << 24) + 1,
        std::uint64_t{0x0123456789abcdef}, ~std::uint64_t{0}}) {
    GradientSums sums(3, GetParam());
    sums.clear();
    sums.add_squared_error(number);
    sums.add_samples(number / 2);
    sums.add_samples(number - number / 2);
    sums.exchange(alone_);
    EXPECT_EQ(sums.samples(), number);
    EXPECT_EQ(sums.squared_error(), number);
    EXPECT_FALSE(sums.stop_requested());
  }
}

TEST_P(GradientSumsTest, ThePartsAreAddedAndDividedOnce) {
  GradientSums sums(2, GetParam());
  sums.clear();
  for (int part = 0; part < 3; ++part) {
    sums.gradient()[0] += 6;
    sums.gradient()[1] -= 1.5F;
    sums.add_samples(2);
    sums.finish_part();
  }
  sums.exchange(alone_);
  EXPECT_FLOAT_EQ(sums.gradient()[0] * sums.sample_share(), 3.0F);
  EXPECT_FLOAT_EQ(sums.gradient()[1] * sums.sample_share(), -0.75F);
}

TEST_P(GradientSumsTest, TheWishesArePassedOnAndCleared) {
  GradientSums sums(1, GetParam());
  for (const bool stop : {false, true, false}) {
    for (const bool checkpoint : {false, true, false}) {
      sums.clear();
      if (stop) sums.request_stop();
      if (checkpoint) sums.request_checkpoint();
      sums.exchange(alone_);
      EXPECT_EQ(sums.stop_requested(), stop);
      EXPECT_EQ(sums.checkpoint_requested(), checkpoint);
    }
  }
}

TEST_P(GradientSumsTest, ANewStepBeginsWithZeros) {
  for (const int threads : {1, 3}) {
    use_threads(threads);
    GradientSums sums(10, GetParam());
    for (Real& value : sums.gradient()) value = 7;
    sums.add_samples(5);
    sums.add_squared_error(6);
    sums.finish_part();
    sums.exchange(alone_);
    sums.clear();
    EXPECT_THAT(copy(sums), Each(0.0F));
    sums.add_samples(1);
    sums.exchange(alone_);
    EXPECT_THAT(copy(sums), Each(0.0F));
    EXPECT_EQ(sums.samples(), 1U);
    EXPECT_EQ(sums.squared_error(), 0U);
  }
  use_threads(1);
}

TEST(WideGradientSumsTest, HoldWhatSinglePrecisionCannot) {
  GradientSums sums(2, true);
  sums.clear();
  constexpr int parts = 1000;
  for (int part = 0; part < parts; ++part) {
    sums.gradient()[0] += 0x1p24F;
    sums.gradient()[1] += part == 0 ? 1.0F : 0x1p24F;
    sums.add_samples(1);
    sums.finish_part();
  }
  sums.exchange(Communicator());
  EXPECT_EQ(sums.sample_share(), 1.0F);
  EXPECT_THAT(copy(sums), ElementsAre(0x1p24F, static_cast<Real>((1.0 + 999 * 0x1p24) / 1000)));
}

}  // namespace
}  // namespace rbmpi
