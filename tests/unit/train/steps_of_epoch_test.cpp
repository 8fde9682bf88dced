#include "rbmpi/train/steps_of_epoch.hpp"

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

TEST(StepsOfEpochTest, ATrainingIsItsEpochsOrItsUpdates) {
  OptimizationOptions options;
  options.batch_size = 10;
  options.epochs = 3;
  EXPECT_EQ(steps_of_epoch(options, 47), 5U);
  EXPECT_EQ(steps_of_training(options, 47), 15U);
  EXPECT_EQ(epochs_of_training(options, 47), 3U);
  EXPECT_EQ(rows_of_training(options, 47), 141);
  struct Expected {
    std::uint64_t updates;
    std::uint64_t epochs;
    double rows;
  };
  for (const auto& [updates, epochs, rows] :
       {Expected{1, 1, 10}, {4, 1, 40}, {5, 1, 47}, {6, 2, 57}, {10, 2, 94}, {14, 3, 134}, {15, 3, 141}}) {
    options.updates = updates;
    EXPECT_EQ(steps_of_training(options, 47), updates);
    EXPECT_EQ(epochs_of_training(options, 47), epochs) << updates;
    EXPECT_EQ(rows_of_training(options, 47), rows) << updates;
  }
}

}  // namespace
}  // namespace rbmpi
