#include "rbmpi/train/greedy_training.hpp"

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

TEST(RoomForFeatures, IsHalfOfWhatTheTrainingLeaves) {
  EXPECT_EQ(room_for_features(1000, 0, 1), 500U);
  EXPECT_EQ(room_for_features(1000, 400, 1), 300U);
  EXPECT_EQ(room_for_features(1000, 400, 3), 100U);  // three groups of ranks that share one machine
  EXPECT_EQ(room_for_features(1000, 1000, 1), 0U);
  EXPECT_EQ(room_for_features(1000, 4000, 1), 0U);
}

}  // namespace
}  // namespace rbmpi
