#include "rbmpi/data/samples.hpp"

#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/data/row_source.hpp"
#include "support/random_samples.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;

TEST(RowProbabilitiesTest, OfEveryTypeAreTheValuesOverTheScale) {
  const auto probabilities = [](ElementType type, const void* values, double scale, ProbabilityRounding rounding) {
    const Samples samples{type, static_cast<const std::byte*>(values), 1, 3, scale};
    std::vector<Real> p(3);
    row_probabilities(samples, samples.row(0), rounding, p.data());
    std::vector<Real> read(3);
    RowBlocks(samples, 1).next(0, 1).read({0, 1}, rounding, {read.data(), 1, 3});
    EXPECT_EQ(read, p);
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
TEST(SamplesReaderTest, UnitsInPartsAreDrawnAsTheWholeRow) {
  constexpr std::size_t columns = 900;
  constexpr ProbabilityRounding rounding{.exact = true, .grid = {8}};
  constexpr Draws draws{.seed = 1, .layer = 2, .step = 3, .first = 4};
  for (const ElementType type : {ElementType::uint8, ElementType::float32, ElementType::float64}) {
    const test::RandomSamples samples(type, 2, columns);
    RowBlocks blocks(samples.view(), 2);
    const RowReader& reader = blocks.next(0, 2);
    const auto draw = [&](Shard units) {
      std::pair<std::vector<Real>, std::vector<std::uint64_t>> drawn(units.count, words_for(units.count));
      reader.draw({1, 1}, units, rounding, draws, Phase::data, {drawn.first.data(), 1, units.count},
                  {drawn.second.data(), 1, units.count});
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
