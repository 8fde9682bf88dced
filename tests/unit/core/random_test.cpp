#include "rbmpi/core/random.hpp"

#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rbmpi {
namespace {

using testing::ElementsAre;

// The vectors that the authors of Philox publish. Fields of the counter that are no phase of ours still have bits.
TEST(RandomStreamTest, IsPhilox4x32With10Rounds) {
  EXPECT_THAT(RandomStream(0, 0, 0, Phase{0}, 0).block(0),
              ElementsAre(0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U));
  const RandomStream ones(~std::uint64_t{0}, 0xff, (std::uint64_t{1} << 48) - 1, Phase{0x7f}, 0xffffffff);
  EXPECT_THAT(ones.refinement(0xffffffff), ElementsAre(0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU));
  // Counter and key are the digits of pi.
  const RandomStream pi(0x299f31d0a4093822, 0x73, 0x037013198a2e, Phase{0x44 >> 1}, 0x85a308d3);
  EXPECT_THAT(pi.block(0x243f6a88), ElementsAre(0xd16cfe09U, 0x94fdccebU, 0x5001e420U, 0x24126ea1U));
}

TEST(RandomStreamTest, EveryPartOfTheNameOfAStreamCounts) {
  constexpr std::uint64_t seed = 12345;
  const std::vector<RandomStream> streams = {
      {seed, 1, 7, Phase::hidden, 3},
      {seed + 1, 1, 7, Phase::hidden, 3},
      {seed + (std::uint64_t{1} << 32), 1, 7, Phase::hidden, 3},
      {seed, 2, 7, Phase::hidden, 3},
      {seed, 1, 8, Phase::hidden, 3},
      {seed, 1, 7 + (std::uint64_t{1} << 32), Phase::hidden, 3},
      {seed, 1, 7, Phase::visible, 3},
      {seed, 1, 7, Phase::data, 3},
      {seed, 1, 7, Phase::weights, 3},
      {seed, 1, 7, Phase::order, 3},
      {seed, 1, 7, Phase::validation_data, 3},
      {seed, 1, 7, Phase::validation_hidden, 3},
      {seed, 1, 7, Phase::hidden, 4},
  };
  std::set<RandomStream::Block> blocks;
  constexpr std::uint32_t indices = 50;
  for (const RandomStream& stream : streams) {
    for (std::uint32_t index = 0; index < indices; ++index) {
      blocks.insert(stream.block(index));
      blocks.insert(stream.refinement(index));
    }
  }
  EXPECT_EQ(blocks.size(), streams.size() * indices * 2);
}

TEST(RandomStreamTest, MayBeginAtAnyGroupOfUnits) {
  const RandomStream stream(1, 0, 2, Phase::data, 3);
  const RandomStream later = stream.from_unit(48);
  EXPECT_EQ(later.block(0), stream.block(3));             // 16 units to a block
  EXPECT_EQ(later.refinement(5), stream.refinement(17));  // and 4 to a refinement
  EXPECT_EQ(later.from_unit(16).block(1), stream.block(5));
}

TEST(RandomStreamTest, HasNoState) {
  const RandomStream stream(1, 0, 2, Phase::data, 3);
  const RandomStream::Block fifth = stream.block(5);
  EXPECT_NE(stream.block(4), fifth);
  EXPECT_EQ(stream.block(5), fifth);
  EXPECT_EQ(RandomStream(1, 0, 2, Phase::data, 3).block(5), fifth);
}

TEST(NormalTest, HasTheMomentsOfTheNormalDistribution) {
  constexpr std::uint32_t rows = 1000;
  constexpr std::uint32_t columns = 1000;
  constexpr double count = double{rows} * columns;
  double sums[4] = {};
  for (std::uint32_t row = 0; row < rows; ++row) {
    const RandomStream stream(1, 0, 0, Phase::weights, row);
    for (std::uint32_t column = 0; column < columns; ++column) {
      const double x = normal(stream, column);
      for (int power = 1; power <= 4; ++power) sums[power - 1] += std::pow(x, power);
    }
  }
  // Four standard errors: the variances of x, x^2, x^3 and x^4 are 1, 2, 15 and 96.
  const double error = 4 / std::sqrt(count);
  EXPECT_NEAR(sums[0] / count, 0, error);
  EXPECT_NEAR(sums[1] / count, 1, error * std::sqrt(2));
  EXPECT_NEAR(sums[2] / count, 0, error * std::sqrt(15));
  EXPECT_NEAR(sums[3] / count, 3, error * std::sqrt(96));
}

TEST(NormalTest, NeighboursAreIndependent) {
  constexpr std::uint32_t count = 100000;
  double in_a_row = 0;
  double in_a_column = 0;
  const RandomStream stream(1, 0, 0, Phase::weights, 0);
  const RandomStream next(1, 0, 0, Phase::weights, 1);
  for (std::uint32_t i = 0; i < count; ++i) {
    in_a_row += normal(stream, i) * normal(stream, i + 1);
    in_a_column += normal(stream, i) * normal(next, i);
  }
  EXPECT_NEAR(in_a_row / count, 0, 4 / std::sqrt(count));
  EXPECT_NEAR(in_a_column / count, 0, 4 / std::sqrt(count));
}

TEST(PortableLogTest, IsTheNaturalLogarithm) {
  EXPECT_EQ(portable_log(1.0), 0.0);
  for (double x = std::numeric_limits<double>::min(); x < 1e300; x *= 1.0137) {
    const double expected = std::log(x);
    ASSERT_NEAR(portable_log(x), expected, 1e-15 + 5e-16 * std::abs(expected)) << x;
  }
  for (const double x : {0.7071067811865475, 0.7071067811865476, 1.414213562373095, std::nextafter(1.0, 0.0),
                         std::nextafter(1.0, 2.0), std::numeric_limits<double>::max()}) {
    EXPECT_NEAR(portable_log(x), std::log(x), 1e-15 + 5e-16 * std::abs(std::log(x))) << x;
  }
}

// The digest of every model rests on these very bits.
TEST(NormalTest, AndTheLogarithmHaveNotChanged) {
  const RandomStream stream(1, 0, 0, Phase::weights, 0);
  EXPECT_EQ(normal(stream, 0), 0x1.5fc220a1c2cb8p-1);
  EXPECT_EQ(normal(stream, 1), -0x1.117029f17fa6fp-2);
  EXPECT_EQ(normal(stream, 2), -0x1.38c9036e46e72p-1);
  EXPECT_EQ(portable_log(0.1), -0x1.26bb1bbb55515p+1);
}

}  // namespace
}  // namespace rbmpi
