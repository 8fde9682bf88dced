#include "rbmpi/train/schedule.hpp"

#include <gtest/gtest.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

TEST(ScheduleTest, ANumberHoldsForAllEpochs) {
  for (const Schedule& schedule : {Schedule(0.9), Schedule::parse("0.9"), Schedule::parse(" 0.9\t"),
                                   Schedule::parse("9e-1"), Schedule::parse("1:0.9")}) {
    EXPECT_EQ(schedule.at(1), 0.9);
    EXPECT_EQ(schedule.at(1000000), 0.9);
    EXPECT_EQ(schedule.text(), "0.9");
  }
}

TEST(ScheduleTest, StepsHoldFromTheirEpochOn) {
  for (const char* text : {"1:0.5, 6:0.9, 20:0.99", "1:0.5,6:0.9,20:0.99", " 1 : 0.5 ,  6:0.9,20 :0.99 "}) {
    const Schedule schedule = Schedule::parse(text);
    EXPECT_EQ(schedule.at(1), 0.5);
    EXPECT_EQ(schedule.at(5), 0.5);
    EXPECT_EQ(schedule.at(6), 0.9);
    EXPECT_EQ(schedule.at(19), 0.9);
    EXPECT_EQ(schedule.at(20), 0.99);
    EXPECT_EQ(schedule.at(21), 0.99);
    EXPECT_EQ(schedule.text(), "1:0.5, 6:0.9, 20:0.99");
  }
}

TEST(ScheduleTest, TheTextComesBackAsItWas) {
  for (const double value : {0.1, 1.0 / 3, 1e-300, 12345678.9, -2.5, 0.0}) {
    EXPECT_EQ(Schedule::parse(Schedule(value).text()).at(1), value);
    const Schedule steps(std::vector<Schedule::Step>{{1, value}, {7, 2 * value}});
    EXPECT_EQ(Schedule::parse(steps.text()).at(9), 2 * value);
  }
}

TEST(ScheduleTest, WhatIsNoScheduleIsRefused) {
  const auto refused = [](const std::string& text, const std::string& fragment) {
    SCOPED_TRACE(text);
    test::expect_error(Failure::usage, {fragment}, [&] { (void)Schedule::parse(text); });
  };
  refused("", "'' is no number");
  refused("fast", "'fast' is no number");
  refused("0.1x", "'0.1x' is no number");
  refused("0,5", "'0' has no epoch");
  refused("nan", "'nan' is no number");
  refused("inf", "'inf' is no number");
  refused("1e999", "'1e999' is no number");
  refused("1:0.5, 0.9", "'0.9' has no epoch");
  refused("1:0.5,", "'' has no epoch");
  refused("1:", "'' is no number");
  refused(":0.5", "'' is no epoch");
  refused("0:0.5", "'0' is no epoch");
  refused("-1:0.5", "'-1' is no epoch");
  refused("1.5:0.5", "'1.5' is no epoch");
  refused("2:0.5", "begins with epoch 1");
  refused("1:0.5, 6:0.9, 6:0.99", "epoch 6 of the schedule does not come after epoch 6");
  refused("1:0.5, 6:0.9, 3:0.99", "epoch 3");
  test::expect_error(Failure::usage, {"epoch 1"}, [] { (void)Schedule(std::vector<Schedule::Step>{}); });
}

}  // namespace
}  // namespace rbmpi
