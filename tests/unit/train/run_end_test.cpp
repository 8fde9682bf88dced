#include "rbmpi/train/run_end.hpp"

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

TEST(RunEndTest, AllEpochsAreDoneAfterTheLast) {
  EXPECT_EQ(end_of_run({.layers = 1, .epochs = 3, .patience = {}}, {.epoch = 3, .epoch_rows = 50}), RunEnd::not_yet);
  EXPECT_EQ(end_of_run({.layers = 1, .epochs = 3, .patience = {}}, {.epoch = 4}), RunEnd::all_done);
}

TEST(RunEndTest, UpdatesAreDoneWhenTheLastIsReported) {
  const RunGoal goal{.layers = 1, .epochs = 1, .last_step = 30, .patience = {}};
  EXPECT_EQ(end_of_run(goal, {.epoch = 9, .epoch_rows = 40, .steps = 29}), RunEnd::not_yet);
  EXPECT_EQ(end_of_run(goal, {.epoch = 9, .epoch_rows = 50, .steps = 30}), RunEnd::not_yet);
  EXPECT_EQ(end_of_run(goal, {.epoch = 9, .epoch_rows = 50, .steps = 30, .reported_rows = 50}), RunEnd::all_done);
  EXPECT_EQ(end_of_run(goal, {.epoch = 10, .steps = 30}), RunEnd::all_done);
  EXPECT_FALSE(is_beyond(goal, {.epoch = 10, .steps = 30}));
  EXPECT_TRUE(is_beyond(goal, {.epoch = 10, .epoch_rows = 10, .steps = 31}));
}

TEST(RunEndTest, MoreThanTheEpochsIsBeyondThem) {
  const RunGoal goal{.layers = 1, .epochs = 3, .patience = {}};
  EXPECT_FALSE(is_beyond(goal, {.epoch = 3, .epoch_rows = 50}));
  EXPECT_FALSE(is_beyond(goal, {.epoch = 4}));
  EXPECT_TRUE(is_beyond(goal, {.epoch = 4, .epoch_rows = 50, .reported_rows = 50}));
  EXPECT_TRUE(is_beyond(goal, {.epoch = 5}));
}

TEST(RunEndTest, TheGoalOfALayerCountsTheStepsBelowIt) {
  OptimizationOptions options;
  options.epochs = 7;
  options.first_step = 100;
  EXPECT_EQ(goal_of(options).last_step, 0U);
  EXPECT_EQ(goal_of(options).epochs, 7U);
  options.updates = 30;
  EXPECT_EQ(goal_of(options).last_step, 130U);
}

TEST(RunEndTest, OnlyTheHighestLayerEndsARun) {
  EXPECT_EQ(end_of_run({.layers = 2, .epochs = 3, .patience = {}}, {.layer = 0, .epoch = 4}), RunEnd::not_yet);
  EXPECT_EQ(end_of_run({.layers = 2, .epochs = 3, .patience = {}}, {.layer = 1, .epoch = 4}), RunEnd::all_done);
  EXPECT_EQ(end_of_run({.layers = 2, .epochs = 9, .patience = 2}, {.layer = 0, .epoch = 6, .best_epoch = 1}),
            RunEnd::not_yet);
}

TEST(RunEndTest, EarlyStoppingEndsItWhenPatienceIsOver) {
  EXPECT_EQ(end_of_run({.layers = 1, .epochs = 9, .patience = 2}, {.epoch = 4, .best_epoch = 2}), RunEnd::not_yet);
  EXPECT_EQ(end_of_run({.layers = 1, .epochs = 9, .patience = 2}, {.epoch = 5, .best_epoch = 2}),
            RunEnd::stopped_early);
  EXPECT_EQ(end_of_run({.layers = 1, .epochs = 9, .patience = {}}, {.epoch = 5, .best_epoch = 2}), RunEnd::not_yet);
  EXPECT_EQ(end_of_run({.layers = 1, .epochs = 4, .patience = 2}, {.epoch = 5, .best_epoch = 2}),
            RunEnd::stopped_early);
}

}  // namespace
}  // namespace rbmpi
