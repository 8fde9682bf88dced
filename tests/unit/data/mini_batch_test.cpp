#include "rbmpi/data/mini_batch.hpp"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/random_samples.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;

TEST(MiniBatchTest, RowsFollowTheOrderOfTheEpoch) {
  const test::RandomSamples samples(ElementType::uint8, 20, 3);
  const RowOrder order(20, true, 1, 0, 1);
  const MiniBatch batch{.samples = &samples.view(), .order = &order, .first = 12, .count = 5, .position = 2, .step = 9};
  for (std::uint64_t i = 0; i < batch.count; ++i) {
    EXPECT_EQ(batch.row(i), samples.view().values + order.row(12 + i) * 3);
  }
}

TEST(MiniBatchTest, APartKeepsItsPlaceInTheWholeBatch) {
  const test::RandomSamples samples(ElementType::float32, 20, 3);
  const RowOrder order(20, true, 1, 0, 1);
  const MiniBatch batch{.samples = &samples.view(), .order = &order, .first = 12, .count = 5, .position = 2, .step = 9};
  const MiniBatch part = batch.part(3, 2);
  EXPECT_EQ(part.count, 2U);
  EXPECT_EQ(part.position, 5U);
  EXPECT_EQ(part.step, 9U);
  EXPECT_EQ(part.row(1), batch.row(4));
}

TEST(RowProbabilitiesTest, OfEveryTypeAreTheValuesOverTheScale) {
  const auto probabilities = [](ElementType type, const void* values, double scale, ProbabilityRounding rounding) {
    const Samples samples{type, static_cast<const std::byte*>(values), 1, 3, scale};
    std::vector<Real> p(3);
    row_probabilities(samples, samples.row(0), rounding, p.data());
    return p;
  };
  constexpr ProbabilityRounding unrounded{.exact = false, .grid = {}};
  constexpr ProbabilityRounding quarters{.exact = true, .grid = {2}};
  const std::uint8_t bytes[] = {0, 51, 255};
  EXPECT_THAT(probabilities(ElementType::uint8, bytes, 255, unrounded), ElementsAre(0.0F, 0.2F, 1.0F));
  EXPECT_THAT(probabilities(ElementType::uint8, bytes, 255, quarters), ElementsAre(0.0F, 0.25F, 1.0F));
  const float floats[] = {0.0F, 0.6F, 2.0F};
  EXPECT_THAT(probabilities(ElementType::float32, floats, 2, unrounded), ElementsAre(0.0F, 0.3F, 1.0F));
  EXPECT_THAT(probabilities(ElementType::float32, floats, 2, quarters), ElementsAre(0.0F, 0.25F, 1.0F));
  const double doubles[] = {0.0, 0.9, 1.0};
  EXPECT_THAT(probabilities(ElementType::float64, doubles, 1, unrounded), ElementsAre(0.0F, 0.9F, 1.0F));
  EXPECT_THAT(probabilities(ElementType::float64, doubles, 1, quarters), ElementsAre(0.0F, 1.0F, 1.0F));
}

}  // namespace
}  // namespace rbmpi
