#include "rbmpi/train/gradient_sums.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rbmpi {
namespace {

using testing::ElementsAre;

class GradientSumsTest : public testing::TestWithParam<bool> {};

INSTANTIATE_TEST_SUITE_P(Forms, GradientSumsTest, testing::Values(false, true),
                         [](const auto& test) { return test.param ? "wide" : "single"; });

TEST_P(GradientSumsTest, ThePartsAreAddedAndDividedOnce) {
  Arena memory;
  GradientSums sums(2, GetParam(), memory);
  for (int step = 0; step < 2; ++step) {
    for (int part = 0; part < 3; ++part) {
      const bool anew = part == 0 || GetParam();
      sums.values()[0] = (anew ? 0 : sums.values()[0]) + 6;
      sums.values()[1] = (anew ? 0 : sums.values()[1]) - 1.5F;
      sums.finish_part(part == 0);
    }
    const Real weight = GetParam() ? 1 : 6;  // in wide form they are averages
    sums.exchange(Communicator(), 6);
    EXPECT_FLOAT_EQ(sums.values()[0] / weight, 3.0F);
    EXPECT_FLOAT_EQ(sums.values()[1] / weight, -0.75F);
  }
}

TEST(WideGradientSumsTest, HoldWhatSinglePrecisionCannot) {
  Arena memory;
  GradientSums sums(2, true, memory);
  constexpr int parts = 1000;
  for (int part = 0; part < parts; ++part) {
    sums.values()[0] = 0x1p24F;
    sums.values()[1] = part == 0 ? 1.0F : 0x1p24F;
    sums.finish_part(part == 0);
  }
  sums.exchange(Communicator(), parts);
  EXPECT_THAT(sums.values(), ElementsAre(0x1p24F, static_cast<Real>((1.0 + 999 * 0x1p24) / 1000)));
}

}  // namespace
}  // namespace rbmpi
