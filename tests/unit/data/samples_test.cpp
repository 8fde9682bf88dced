#include "rbmpi/data/samples.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/data/bit_samples.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/data/sparse_samples.hpp"
#include "support/numbers.hpp"
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

// Rows as bits and sparse rows are read and drawn as the same rows in their stored type, bit for bit.
class SamplesInMemory : public testing::TestWithParam<ElementType> {
 protected:
  static constexpr std::uint64_t rows = 40;
  static constexpr std::uint64_t columns = 900;

  /// Some of the values, all else 0; only zeros and ones if `bits`.
  SamplesInMemory() : all_(GetParam(), rows, columns) {}
  void thin_out(bool bits) {
    const std::size_t size = element_size(GetParam());
    const Samples& from = all_.view();
    values_.assign(from.values, from.values + rows * from.row_bytes());
    test::Random random(2);
    for (std::uint64_t i = 0; i < rows * columns; ++i) {
      double p = 0;
      const Samples one{GetParam(), values_.data() + i * size, 1, 1, from.scale};
      RowBlocks(one, 1).next(0, 1).read({0, 1}, {&p, 1, 1});
      if (random.below(4) != 0 || (bits && p < 1))
        std::fill_n(values_.begin() + static_cast<std::ptrdiff_t>(i * size), size, std::byte{0});
    }
    dense_ = from;
    dense_.values = values_.data();
  }

  static void expect_equal(const Rows& rows_to_test, const Samples& dense, ProbabilityRounding rounding) {
    constexpr Draws draws{.seed = 1, .layer = 2, .step = 3, .first = 4};
    const Rows part = rows_to_test.part(3, 30);
    RowBlocks tested(part, 30);
    RowBlocks expected(Rows(dense).part(3, 30), 30);
    const RowOrder order(30, true, 1, 0, 1);
    const RowReader& reader = tested.next(order, 2, 28);
    const RowReader& plain = expected.next(order, 2, 28);
    for (const Shard units : {Shard{0, columns}, {16, 300}, {304, 1}, {608, 292}, {896, 4}}) {
      const auto draw = [&](const RowReader& from) {
        std::pair<std::vector<Real>, std::vector<std::uint64_t>> drawn(20 * units.count, 20 * words_for(units.count));
        std::ranges::fill(drawn.second, ~std::uint64_t{0});
        from.draw({5, 20}, units, rounding, draws, Phase::data, {drawn.first.data(), 20, units.count},
                  {drawn.second.data(), 20, units.count});
        return drawn;
      };
      EXPECT_EQ(draw(reader), draw(plain)) << units.first;
    }
    const auto read = [&](const RowReader& from) {
      std::pair<std::vector<Real>, std::vector<double>> values(20 * columns, 20 * columns);
      from.read({5, 20}, rounding, {values.first.data(), 20, columns});
      from.read({5, 20}, {values.second.data(), 20, columns});
      return values;
    };
    EXPECT_EQ(read(reader), read(plain));
  }

  std::vector<std::byte> values_;
  Samples dense_;

 private:
  test::RandomSamples all_;
};
INSTANTIATE_TEST_SUITE_P(Types, SamplesInMemory,
                         testing::Values(ElementType::uint8, ElementType::float32, ElementType::float64));

TEST_P(SamplesInMemory, BitsAreReadAndDrawnAsTheRowsThatTheyAreOf) {
  thin_out(true);
  ASSERT_TRUE(can_be_bits(dense_.type, dense_.scale));
  std::vector<std::uint64_t> words(rows * words_for(columns));
  ASSERT_TRUE(to_bits(dense_, {words.data(), rows, columns}));
  const BitSamples bits{.type = dense_.type, .scale = dense_.scale, .bits = {words.data(), rows, columns}};
  for (const ProbabilityRounding rounding : {unrounded, ProbabilityRounding{.exact = true, .grid = {8}}}) {
    expect_equal(rows_of(bits), dense_, rounding);
  }
  std::vector<std::byte> stored(10 * dense_.row_bytes());
  to_stored(bits, 7, 10, stored.data());
  EXPECT_EQ(std::memcmp(stored.data(), dense_.row(7), stored.size()), 0);
  thin_out(false);
  EXPECT_FALSE(to_bits(dense_, {words.data(), rows, columns}));
}

TEST_P(SamplesInMemory, SparseRowsAreReadAndDrawnAsTheRowsThatTheyAreOf) {
  for (const bool bits : {true, false}) {
    thin_out(bits);
    const std::size_t size = element_size(dense_.type);
    std::vector<std::uint64_t> ends;
    std::vector<std::int32_t> units;
    std::vector<std::byte> nonzeros;
    for (std::uint64_t i = 0; i < rows * columns; ++i) {
      const std::byte* const value = dense_.values + i * size;
      if (std::any_of(value, value + size, [](std::byte byte) { return byte != std::byte{0}; })) {
        units.push_back(static_cast<std::int32_t>(i % columns));
        nonzeros.insert(nonzeros.end(), value, value + size);
      }
      if ((i + 1) % columns == 0) ends.push_back(units.size());
    }
    const SparseSamples sparse{.type = dense_.type,
                               .scale = dense_.scale,
                               .rows = rows,
                               .columns = columns,
                               .ends = ends.data(),
                               .units = units.data(),
                               .values = nonzeros.data()};
    for (const ProbabilityRounding rounding : {unrounded, ProbabilityRounding{.exact = true, .grid = {8}}}) {
      expect_equal(rows_of(sparse), dense_, rounding);
    }
    std::vector<std::byte> stored(10 * dense_.row_bytes());
    to_stored(sparse, 7, 10, stored.data());
    EXPECT_EQ(std::memcmp(stored.data(), dense_.row(7), stored.size()), 0);
  }
}

TEST(BitSamplesTest, OnlyZeroAndTheScaleItselfAreBits) {
  EXPECT_TRUE(can_be_bits(ElementType::uint8, 255));
  EXPECT_TRUE(can_be_bits(ElementType::float32, 0.25));
  EXPECT_FALSE(can_be_bits(ElementType::uint8, 0.5)) << "no byte is 0.5";
  EXPECT_FALSE(can_be_bits(ElementType::float32, 0.1)) << "no float is 0.1";
  EXPECT_TRUE(can_be_bits(ElementType::float64, 0.1));
  const auto is_bits = [](float value) {
    std::uint64_t word = 0;
    return to_bits({ElementType::float32, reinterpret_cast<const std::byte*>(&value), 1, 1, 2.0}, {&word, 1, 1});
  };
  EXPECT_TRUE(is_bits(0.0F));
  EXPECT_TRUE(is_bits(2.0F));
  EXPECT_FALSE(is_bits(1.0F));
  EXPECT_FALSE(is_bits(-0.0F)) << "other bytes than 0 in the digest";
}

}  // namespace
}  // namespace rbmpi
