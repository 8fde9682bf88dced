#include "rbmpi/data/mini_batch.hpp"

#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/kernels.hpp"
#include "support/random_samples.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;

std::vector<const std::byte*> rows_of(const MiniBatch& batch) {
  std::vector<const std::byte*> rows(batch.count);
  batch.find_rows(0, rows);
  return rows;
}

TEST(MiniBatchTest, RowsFollowTheOrderOfTheEpoch) {
  const test::RandomSamples samples(ElementType::uint8, 20, 3);
  const RowOrder order(20, true, 1, 0, 1);
  const MiniBatch batch{.samples = &samples.view(), .order = &order, .first = 12, .count = 5, .position = 2, .step = 9};
  const std::vector<const std::byte*> rows = rows_of(batch);
  for (std::uint64_t i = 0; i < batch.count; ++i) {
    EXPECT_EQ(rows[i], samples.view().values + order.row(12 + i) * 3);
  }
}

TEST(MiniBatchTest, ManyRowsAreFoundAtOnce) {
  const test::RandomSamples samples(ElementType::uint8, 1000, 2);
  const RowOrder order(1000, true, 1, 0, 1);
  const MiniBatch batch{.samples = &samples.view(), .order = &order, .first = 300, .count = 600};
  std::vector<const std::byte*> rows(500);
  batch.find_rows(100, rows);
  for (std::uint64_t i = 0; i < rows.size(); ++i) {
    ASSERT_EQ(rows[i], samples.view().row(order.row(400 + i))) << i;
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
  EXPECT_EQ(rows_of(part)[1], rows_of(batch)[4]);
}

TEST(RowProbabilitiesTest, OfEveryTypeAreTheValuesOverTheScale) {
  const auto probabilities = [](ElementType type, const void* values, double scale, ProbabilityRounding rounding) {
    const Samples samples{type, static_cast<const std::byte*>(values), 1, 3, scale};
    std::vector<Real> p(3);
    row_probabilities(samples, samples.row(0), rounding, p.data());
    return p;
  };
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

// What is drawn for a unit does not depend on which units are drawn together with it. The probabilities lie on the
// multiples of 1/256, where the first byte of a random number often does not decide.
TEST(SampleRowTest, UnitsInPartsAreAsTheWholeRow) {
  constexpr std::size_t columns = 900;
  constexpr ProbabilityRounding rounding{.exact = true, .grid = {8}};
  const RandomStream stream(1, 2, 3, Phase::data, 4);
  for (const ElementType type : {ElementType::uint8, ElementType::float32, ElementType::float64}) {
    const test::RandomSamples samples(type, 1, columns);
    const auto draw = [&](Shard units) {
      std::pair<std::vector<Real>, std::vector<std::uint64_t>> drawn(units.count, words_for(units.count));
      sample_row(samples.view(), samples.view().row(0), units, rounding, stream, drawn.first.data(),
                 drawn.second.data());
      return drawn;
    };
    const auto bit = [](const std::vector<std::uint64_t>& words, std::size_t i) {
      return words[i / 64] >> (i % 64) & 1U;
    };
    const auto [all_probabilities, all_states] = draw({0, columns});
    for (const Shard units : {Shard{16, 300}, {256, 256}, {304, 1}, {608, 292}, {896, 4}, {896, 0}}) {
      const auto [probabilities, states] = draw(units);
      for (std::size_t i = 0; i < units.count; ++i) {
        ASSERT_EQ(probabilities[i], all_probabilities[units.first + i]);
        ASSERT_EQ(bit(states, i), bit(all_states, units.first + i)) << "unit " << units.first + i;
      }
    }
  }
}

}  // namespace
}  // namespace rbmpi
