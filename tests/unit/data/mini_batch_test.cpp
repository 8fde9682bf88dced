#include "rbmpi/data/mini_batch.hpp"

#include <gtest/gtest.h>

#include "support/labelled_samples.hpp"

namespace rbmpi {
namespace {

TEST(MiniBatchTest, APartKeepsItsPlaceInTheWholeBatch) {
  const test::LabelledSamples samples(20, 30, 3);
  RowBlocks blocks(samples.view(), 20);
  const MiniBatch batch{.rows = &blocks.next(8, 10), .first = 1, .count = 5, .position = 2, .step = 9};
  const MiniBatch part = batch.part(3, 2);
  EXPECT_EQ(part.all().first, 4U);
  EXPECT_EQ(part.all().count, 2U);
  EXPECT_EQ(part.position, 5U);
  EXPECT_EQ(part.step, 9U);
  std::vector<Real> v(30);
  part.read(1, unrounded, v);
  for (std::size_t j = 0; j < v.size(); ++j) EXPECT_EQ(v[j], static_cast<Real>(samples.value(13, j)));
  EXPECT_EQ(part.label(1), samples.view().labels[13]);
}

}  // namespace
}  // namespace rbmpi
