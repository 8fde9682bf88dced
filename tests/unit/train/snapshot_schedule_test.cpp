#include "rbmpi/train/snapshot_schedule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;

std::vector<std::uint64_t> steps(const std::string& text, std::uint64_t total) {
  return SnapshotSchedule::parse(text).steps(total);
}

TEST(SnapshotScheduleTest, None) {
  EXPECT_THAT(steps("none", 100), ElementsAre());
  EXPECT_THAT(SnapshotSchedule().steps(100), ElementsAre());
}

TEST(SnapshotScheduleTest, LinearEndsAtTheEnd) {
  EXPECT_THAT(steps("linear:4", 100), ElementsAre(25, 50, 75, 100));
  EXPECT_THAT(steps("linear:3", 10), ElementsAre(3, 7, 10));
  EXPECT_THAT(steps("linear:1", 10), ElementsAre(10));
  EXPECT_THAT(steps("linear:10", 3), ElementsAre(1, 2, 3));
}

TEST(SnapshotScheduleTest, LogBeginsAtStepOneAndEndsAtTheEnd) {
  EXPECT_THAT(steps("log:3", 100), ElementsAre(1, 10, 100));
  EXPECT_THAT(steps("log:5", 10000), ElementsAre(1, 10, 100, 1000, 10000));
  EXPECT_THAT(steps("log:1", 50), ElementsAre(50));
  EXPECT_THAT(steps("log:20", 4), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(steps("log:3", 1), ElementsAre(1));
}

TEST(SnapshotScheduleTest, StepsAreAscendingAndInRange) {
  for (const char* text : {"linear:7", "log:7", "linear:1000", "log:1000"}) {
    for (std::uint64_t total = 1; total < 300; ++total) {
      const std::vector<std::uint64_t> all = steps(text, total);
      ASSERT_FALSE(all.empty());
      EXPECT_GE(all.front(), 1U);
      EXPECT_EQ(all.back(), total);
      EXPECT_EQ(std::adjacent_find(all.begin(), all.end(), std::greater_equal()), all.end());
    }
  }
}

TEST(SnapshotScheduleTest, TheTextMeansTheSame) {
  for (const char* text : {"none", "linear:3", "log:100000"}) EXPECT_EQ(SnapshotSchedule::parse(text).text(), text);
}

TEST(SnapshotScheduleTest, WhatIsNoScheduleIsRefused) {
  for (const char* text : {"", "linear", "linear:", "linear:0", "log:-1", "log:1.5", "cubic:3", "none:3", ":3",
                           "linear:100001", "log:3 ", "log:3,4"}) {
    test::expect_error(Failure::usage, {"linear:N", "log:N"}, [&] { (void)SnapshotSchedule::parse(text); });
  }
}

}  // namespace
}  // namespace rbmpi
