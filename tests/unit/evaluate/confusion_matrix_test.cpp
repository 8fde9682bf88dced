#include "rbmpi/evaluate/confusion_matrix.hpp"

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

TEST(ConfusionMatrixTest, SumsOfRowsAndColumns) {
  const ConfusionMatrix confusion{.classes = {2, 5, 7}, .counts = {10, 1, 0, 2, 20, 3, 0, 0, 30}};
  EXPECT_EQ(confusion.rows(), 66U);
  EXPECT_EQ(confusion.errors(), 6U);
  EXPECT_EQ(confusion.rows_of(1), 25U);
  EXPECT_EQ(confusion.predicted_as(1), 21U);
  EXPECT_EQ(confusion.at(1, 2), 3U);
}

TEST(ConfusionMatrixTest, PrecisionAndRecall) {
  const ConfusionMatrix confusion{.classes = {2, 5, 7}, .counts = {3, 1, 0, 0, 2, 0, 0, 0, 0}};
  EXPECT_EQ(confusion.precision(0), 1.0);
  EXPECT_EQ(confusion.recall(0), 0.75);
  EXPECT_EQ(confusion.precision(1), 2.0 / 3);
  EXPECT_EQ(confusion.precision(2), std::nullopt);
  EXPECT_EQ(confusion.recall(2), std::nullopt);
}

}  // namespace
}  // namespace rbmpi
