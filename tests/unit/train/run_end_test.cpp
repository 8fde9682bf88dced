#include "rbmpi/train/run_end.hpp"

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

TEST(RunEndTest, AllEpochsAreDoneAfterTheLast) {
  EXPECT_EQ(end_of_run({.layers = 1, .epochs = 3, .patience = {}}, {.epoch = 3, .epoch_rows = 50}), RunEnd::not_yet);
  EXPECT_EQ(end_of_run({.layers = 1, .epochs = 3, .patience = {}}, {.epoch = 4}), RunEnd::epochs_done);
}

TEST(RunEndTest, OnlyTheHighestLayerEndsARun) {
  EXPECT_EQ(end_of_run({.layers = 2, .epochs = 3, .patience = {}}, {.layer = 0, .epoch = 4}), RunEnd::not_yet);
  EXPECT_EQ(end_of_run({.layers = 2, .epochs = 3, .patience = {}}, {.layer = 1, .epoch = 4}), RunEnd::epochs_done);
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
