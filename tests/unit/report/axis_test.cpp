#include "rbmpi/report/axis.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace rbmpi::test {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> labels(const Axis& axis) {
  std::vector<std::string> texts;
  for (const double tick : axis.ticks) texts.push_back(axis.label(tick));
  return texts;
}

TEST(RoundStep, IsOneTwoOrFiveTimesAPowerOfTen) {
  EXPECT_DOUBLE_EQ(round_step(1), 1);
  EXPECT_DOUBLE_EQ(round_step(1.01), 2);
  EXPECT_DOUBLE_EQ(round_step(0.03), 0.05);
  EXPECT_DOUBLE_EQ(round_step(700), 1000);
  EXPECT_DOUBLE_EQ(round_step(0.2), 0.2);
}

TEST(RoundAxis, HasRoundTicksAroundTheValues) {
  EXPECT_THAT(labels(round_axis(0.0131, 0.0282, 5)), ElementsAre("0.010", "0.015", "0.020", "0.025", "0.030"));
  EXPECT_THAT(labels(round_axis(-443, -330, 5)), ElementsAre("−450", "−400", "−350", "−300"));
  EXPECT_THAT(labels(round_axis(-0.3, 0.4, 4)), ElementsAre("−0.4", "−0.2", "0", "0.2", "0.4"));
  EXPECT_THAT(labels(round_axis(0, 15034, 5)), ElementsAre("0", "5k", "10k", "15k", "20k"));
  EXPECT_THAT(labels(round_axis(0, 3e7, 4)), ElementsAre("0", "10M", "20M", "30M"));
}

TEST(RoundAxis, HoldsItsValuesInAtMostSoManySteps) {
  for (const double scale : {1e-9, 1e-3, 1.0, 7.3, 1e6, 1e12}) {
    for (const double low : {-1.0, -0.37, 0.0, 0.5, 0.999}) {
      const Axis axis = round_axis(low * scale, scale, 5);
      EXPECT_LE(axis.low, low * scale + 1e-9 * axis.step);
      EXPECT_GE(axis.high, scale - 1e-9 * axis.step);
      EXPECT_LE(axis.ticks.size(), 6U);
      EXPECT_GE(axis.ticks.size(), 2U);
      EXPECT_NEAR(axis.position(axis.low), 0, 1e-12);
      EXPECT_NEAR(axis.position(axis.high), 1, 1e-12);
    }
  }
}

TEST(RoundAxis, EqualValuesGetRoom) {
  for (const double value : {0.0, 1.0, -25.5, 1e-7, 1e10}) {
    const Axis axis = round_axis(value, value, 5);
    EXPECT_LT(axis.low, value);
    EXPECT_GT(axis.high, value);
  }
}

TEST(WholeAxis, EndsWhereTheNumbersEnd) {
  const Axis axis = whole_axis(1, 12, 6);
  EXPECT_EQ(axis.low, 1);
  EXPECT_EQ(axis.high, 12);
  EXPECT_THAT(labels(axis), ElementsAre("2", "4", "6", "8", "10", "12"));
  EXPECT_THAT(labels(whole_axis(1, 3, 6)), ElementsAre("1", "2", "3"));
  EXPECT_THAT(labels(whole_axis(5, 5, 6)), ElementsAre("5"));
  EXPECT_THAT(labels(whole_axis(1, 50000, 6)), ElementsAre("10k", "20k", "30k", "40k", "50k"));
}

TEST(CountAxis, HasWholeTicksFromZero) {
  EXPECT_THAT(labels(count_axis(1, 4)), ElementsAre("0", "1"));
  EXPECT_THAT(labels(count_axis(2, 4)), ElementsAre("0", "1", "2"));
  EXPECT_THAT(labels(count_axis(219, 4)), ElementsAre("0", "100", "200", "300"));
  EXPECT_GE(count_axis(7, 4).high, 7);
}

}  // namespace
}  // namespace rbmpi::test
