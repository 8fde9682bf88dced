#include "rbmpi/core/state_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "support/numbers.hpp"
#include "support/scalar_kernels.hpp"

namespace rbmpi {
namespace {

using test::Random;
using test::same_bits;

using Words = std::vector<std::uint64_t>;

constexpr ProbabilityRounding state_roundings[] = {
    {.exact = false, .grid = {}}, {.exact = true, .grid = {3}}, {.exact = true, .grid = {17}}};
constexpr std::uint64_t untouched = 0x5A5A5A5A5A5A5A5AU;

/// Lengths with every kind of tail, and some of real layers.
std::vector<std::size_t> state_lengths() {
  std::vector<std::size_t> lengths(134);
  std::iota(lengths.begin(), lengths.end(), std::size_t{0});
  for (const std::size_t length : {255U, 256U, 257U, 300U, 784U, 1000U, 1025U}) lengths.push_back(length);
  return lengths;
}

/// The states as words, and behind them one that must stay.
Words packed(const std::vector<Real>& states) {
  Words words(words_for(states.size()) + 1);
  words.back() = untouched;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (states[i] != 0) words[i / 64] |= std::uint64_t{1} << (i % 64);
  }
  return words;
}

/// Words that hold anything, as the kernels may find them, and behind them one that must stay.
Words garbage(std::size_t count) {
  return Words(words_for(count) + 1, untouched);
}

std::vector<Real> drawn(const std::vector<Real>& probabilities, const RandomStream& stream) {
  std::vector<Real> states(probabilities.size());
  for (std::size_t i = 0; i < states.size(); ++i) states[i] = test::draw(probabilities[i], stream, i);
  return states;
}

std::vector<Real> activated(const std::vector<Real>& fields, const std::vector<Real>& bias,
                            ProbabilityRounding rounding) {
  std::vector<Real> p(fields.size());
  for (std::size_t i = 0; i < p.size(); ++i) {
    p[i] = test::round_probability(test::sigmoid(fields[i] + bias[i]), rounding);
  }
  return p;
}

/// Each kernel on each instruction set of this machine.
class StateKernelsTest : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

INSTANTIATE_TEST_SUITE_P(Targets, StateKernelsTest, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& test) { return std::string(hwy::TargetName(test.param)); });

template <typename Value, typename Make>
void expect_scaled_and_sampled(double scale, const Make& make) {
  for (const std::size_t count : state_lengths()) {
    for (const ProbabilityRounding rounding : state_roundings) {
      const RandomStream stream(0x123456789ABCDEFU, 3, count, Phase::data, 77);
      std::vector<Value> values(count);
      for (Value& value : values) value = make();
      std::vector<Real> expected(count);
      for (std::size_t i = 0; i < count; ++i) {
        const Real p = std::is_same_v<Value, double> ? static_cast<Real>(static_cast<double>(values[i]) / scale)
                                                     : static_cast<Real>(values[i]) / static_cast<Real>(scale);
        expected[i] = test::round_probability(p, rounding);
      }
      const Words expected_states = packed(drawn(expected, stream));
      expected.push_back(-7.0F);

      std::vector<Real> probabilities(count + 1, -7.0F);
      Words states = garbage(count);
      scale_and_sample(values.data(), scale, count, rounding, stream, probabilities.data(), states.data());
      ASSERT_TRUE(same_bits(probabilities, expected)) << count << " values, grid " << rounding.grid.exponent;
      ASSERT_EQ(states, expected_states) << count << " values, grid " << rounding.grid.exponent;
    }
  }
}

TEST_P(StateKernelsTest, DataAreScaledAndSampled) {
  Random random(1);
  expect_scaled_and_sampled<std::uint8_t>(255.0, [&] { return static_cast<std::uint8_t>(random.below(256)); });
  // Eighths: the high byte alone decides, or not at all; 0 and 1 among them.
  expect_scaled_and_sampled<std::uint8_t>(8.0, [&] { return static_cast<std::uint8_t>(random.below(9)); });
  expect_scaled_and_sampled<float>(3.0, [&] { return static_cast<float>(random.uniform(0, 3)); });
  expect_scaled_and_sampled<double>(0.1, [&] { return random.uniform(0, 0.1); });
}

TEST_P(StateKernelsTest, ProbabilityZeroIsNeverAndOneAlways) {
  constexpr std::size_t count = 100000;
  const std::vector<std::uint8_t> zeros(count, 0);
  const std::vector<std::uint8_t> ones(count, 1);
  std::vector<Real> probabilities(count);
  Words states = garbage(count);
  const RandomStream stream(1, 0, 0, Phase::data, 0);
  scale_and_sample(zeros.data(), 1.0, count, {}, stream, probabilities.data(), states.data());
  EXPECT_EQ(states, packed(std::vector<Real>(count, 0.0F)));
  scale_and_sample(ones.data(), 1.0, count, {}, stream, probabilities.data(), states.data());
  EXPECT_EQ(states, packed(std::vector<Real>(count, 1.0F)));
}

/// The byte of a unit's random number that is drawn first.
std::uint32_t high_byte(const RandomStream& stream, std::size_t unit) {
  const std::uint32_t four_bytes = stream.block(static_cast<std::uint32_t>(unit / 16))[unit % 16 / 4];
  return four_bytes >> (unit % 4 * 8) & 0xFFU;
}

TEST_P(StateKernelsTest, TheLowBitsOfARandomNumberDecideWhereItsHighByteDoesNot) {
  // Every unit is a tie: its probability has the high byte that is drawn, and another part behind the point.
  Random random(2);
  constexpr std::size_t count = 300;
  for (std::uint32_t step = 0; step < 20; ++step) {
    const RandomStream stream(3, 0, step, Phase::data, 1);
    std::vector<Real> p(count);
    for (std::size_t i = 0; i < count; ++i) {
      p[i] = (static_cast<Real>(high_byte(stream, i)) + static_cast<Real>(random.uniform())) / 256;
    }
    std::vector<Real> probabilities(count);
    Words states = garbage(count);
    scale_and_sample(p.data(), 1.0, count, state_roundings[0], stream, probabilities.data(), states.data());
    ASSERT_EQ(states, packed(drawn(p, stream)));
  }
}

TEST_P(StateKernelsTest, RandomNumbersDependOnEveryPartOfTheStream) {
  // Each word of the counter and of the key has large values somewhere.
  constexpr std::size_t count = 600;
  const std::vector<Real> halves(count, 0.5F);
  std::vector<Real> probabilities(count);
  for (const RandomStream& stream : {RandomStream(0, 0, 0, Phase::data, 0), RandomStream(~0ULL, 255, 0, Phase::data, 0),
                                     RandomStream(0, 0, 0xFFFFFFFFFFFFULL, Phase::visible, 0xFFFFFFFFU)}) {
    Words states = garbage(count);
    scale_and_sample(halves.data(), 1.0, count, state_roundings[0], stream, probabilities.data(), states.data());
    ASSERT_EQ(states, packed(drawn(halves, stream)));
  }
}

TEST_P(StateKernelsTest, ActivateAndSampleDrawsFromTheSigmoid) {
  Random random(3);
  for (const std::size_t count : state_lengths()) {
    const RandomStream stream(17, 2, count, Phase::hidden, 5);
    const std::vector<Real> fields = random.reals(count, -6, 6);
    const std::vector<Real> bias = random.reals(count, -1, 1);
    Words states = garbage(count);
    activate_and_sample(fields.data(), bias.data(), count, stream, states.data());
    ASSERT_EQ(states, packed(drawn(activated(fields, bias, state_roundings[0]), stream))) << count;
  }
}

TEST_P(StateKernelsTest, ActivateAndSampleDrawsFromTheSigmoidWhereverTheRandomNumberIsNearIt) {
  // The kernel mostly decides by bounds of the probability: here it is from 1e-8 to 1 times itself away from the random
  // number of its unit, and the field beyond all bounds at times.
  Random random(5);
  constexpr std::size_t count = 500;
  for (std::uint32_t step = 0; step < 400; ++step) {
    const RandomStream stream(3, 0, step, Phase::hidden, 1);
    std::vector<Real> fields(count);
    std::vector<Real> bias(count);
    for (std::size_t i = 0; i < count; ++i) {
      const double low = (stream.refinement(static_cast<std::uint32_t>(i / 4))[i % 4] >> 8) * 0x1p-24;
      const double away = std::pow(10, random.uniform(-8, 0)) * (random.below(2) == 0 ? 1 : -1);
      const double p = (high_byte(stream, i) + low) / 256 * (1 + away);
      bias[i] = static_cast<Real>(random.uniform(-1, 1));
      const double x = p <= 0 ? -300 : p >= 1 ? 300 : std::log(p / (1 - p));
      fields[i] = static_cast<Real>(x - double{bias[i]});
    }
    Words states = garbage(count);
    activate_and_sample(fields.data(), bias.data(), count, stream, states.data());
    ASSERT_EQ(states, packed(drawn(activated(fields, bias, state_roundings[0]), stream))) << step;
  }
}

TEST_P(StateKernelsTest, ActivateAndSampleKeepsRoundedProbabilitiesToo) {
  Random random(3);
  for (const std::size_t count : state_lengths()) {
    for (const ProbabilityRounding rounding : state_roundings) {
      const RandomStream stream(17, 2, count, Phase::chain_hidden, 5);
      const std::vector<Real> fields = random.reals(count, -6, 6);
      const std::vector<Real> bias = random.reals(count, -1, 1);
      std::vector<Real> probabilities = fields;  // they may take their place
      Words states = garbage(count);
      activate_and_sample(probabilities.data(), bias.data(), count, rounding, stream, probabilities.data(),
                          states.data());
      ASSERT_EQ(states, packed(drawn(activated(fields, bias, state_roundings[0]), stream))) << count;
      ASSERT_TRUE(same_bits(probabilities, activated(fields, bias, rounding))) << count;
    }
  }
}

TEST_P(StateKernelsTest, ReconstructDrawsAddsDifferencesAndSumsErrors) {
  Random random(4);
  for (const std::size_t count : state_lengths()) {
    for (const ProbabilityRounding rounding : state_roundings) {
      const RandomStream stream(18, 1, count, Phase::visible, 6);
      const std::vector<Real> fields = random.reals(count, -6, 6);
      const std::vector<Real> bias = random.reals(count, -1, 1);
      const std::vector<Real> data = random.reals(count, 0, 1);
      std::vector<Real> differences = random.reals(count + 1, -100, 100);
      std::vector<Real> expected = differences;
      const std::vector<Real> p = activated(fields, bias, rounding);
      std::int64_t expected_error = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const Real sum = expected[i] + data[i];
        expected[i] = sum - p[i];
        expected_error += test::squared_error(data[i], p[i]);
      }
      Words states = garbage(count);
      const std::int64_t error = reconstruct(fields.data(), bias.data(), data.data(), count, rounding, stream,
                                             states.data(), differences.data());
      ASSERT_EQ(states, packed(drawn(p, stream))) << count << " units, grid " << rounding.grid.exponent;
      ASSERT_TRUE(same_bits(differences, expected)) << count << " units, grid " << rounding.grid.exponent;
      ASSERT_EQ(error, expected_error) << count << " units, grid " << rounding.grid.exponent;
    }
  }
}

TEST_P(StateKernelsTest, SquaredErrorsOfALongRowDoNotOverflow) {
  constexpr std::size_t count = 5003;
  const std::vector<Real> fields(count, 100.0F);
  const std::vector<Real> zeros(count, 0.0F);
  std::vector<Real> differences(count);
  Words states = garbage(count);
  EXPECT_EQ(reconstruct(fields.data(), zeros.data(), zeros.data(), count, {}, RandomStream(1, 0, 0, Phase::visible, 0),
                        states.data(), differences.data()),
            std::int64_t{count} << 24);
}

TEST_P(StateKernelsTest, ActivateAndSubtractTakesProbabilitiesFromStates) {
  Random random(5);
  for (const std::size_t count : state_lengths()) {
    for (const ProbabilityRounding rounding : state_roundings) {
      const std::vector<Real> fields = random.reals(count, -6, 6);
      const std::vector<Real> bias = random.reals(count, -1, 1);
      const std::vector<Real> h0 = random.bits(count);
      const Words states = packed(h0);
      std::vector<Real> differences = random.reals(count + 1, -100, 100);
      std::vector<Real> expected = differences;
      const std::vector<Real> p = activated(fields, bias, rounding);
      for (std::size_t i = 0; i < count; ++i) {
        const Real sum = expected[i] + h0[i];
        expected[i] = sum - p[i];
      }
      std::vector<Real> probabilities = fields;  // in place
      activate_and_subtract(probabilities.data(), bias.data(), states.data(), count, rounding, probabilities.data(),
                            differences.data());
      ASSERT_TRUE(same_bits(probabilities, p)) << count << " units, grid " << rounding.grid.exponent;
      ASSERT_TRUE(same_bits(differences, expected)) << count << " units, grid " << rounding.grid.exponent;
    }
  }
}

bool state(ConstBitMatrixView states, std::size_t row, std::size_t column) {
  return ((states.row(row)[column / 64] >> (column % 64)) & 1U) != 0;
}

TEST_P(StateKernelsTest, BitsAreTransposed) {
  Random random(7);
  for (const std::size_t rows : {1U, 7U, 63U, 64U, 65U, 100U, 128U, 200U}) {
    for (const std::size_t columns : {1U, 8U, 63U, 64U, 65U, 130U, 300U}) {
      Words from_words(rows * words_for(columns));
      const BitMatrixView from{from_words.data(), rows, columns};
      for (std::size_t i = 0; i < rows; ++i) {
        const Words row = packed(random.bits(columns));
        std::copy_n(row.begin(), from.row_words(), from.row(i));
      }
      // Each of the first words alone, all from some word on, and more than there are.
      for (std::size_t first = 0; first < from.row_words(); ++first) {
        for (const std::size_t words : {std::size_t{0}, std::size_t{1}, from.row_words() - first, std::size_t{9}}) {
          Words to_words(columns * words_for(rows) + 1, untouched);
          const BitMatrixView to{to_words.data(), columns, rows};
          transpose(from, first, words, to);
          for (std::size_t j = 0; j < columns; ++j) {
            std::vector<Real> expected(rows);
            for (std::size_t i = 0; i < rows; ++i) expected[i] = state(from, i, j) ? 1.0F : 0.0F;
            Words expected_words = packed(expected);
            expected_words.pop_back();
            if (j / 64 < first || j / 64 >= first + words) expected_words.assign(to.row_words(), untouched);
            ASSERT_EQ(Words(to.row(j), to.row(j) + to.row_words()), expected_words)
                << rows << " x " << columns << ", words " << first << " + " << words << ", column " << j;
          }
          ASSERT_EQ(to_words.back(), untouched);
        }
      }
    }
  }
}

struct Shape {
  std::size_t rows;
  std::size_t columns;
};

/// Rows taken 16, 4 and 1 at a time, and columns with every kind of tail.
std::vector<Shape> shapes() {
  std::vector<Shape> shapes{{0, 5},   {3, 7},   {4, 4},    {5, 30},   {15, 17},   {16, 15},  {17, 33},
                            {20, 12}, {31, 31}, {47, 300}, {64, 129}, {18, 1100}, {21, 2500}};
  for (const std::size_t columns : state_lengths()) {
    for (const std::size_t rows : {1U, 16U, 21U}) shapes.push_back({rows, columns});
  }
  return shapes;
}

/// What round_weights() writes, each with numbers around it that must stay; none is aligned.
struct Rounded {
  Rounded(Shape shape, const std::vector<Real>& norms)
      : stride(shape.rows + 3),
        up(shape.rows * shape.columns + 2, 5.0F),
        down(shape.columns * stride + 1, 5.0F),
        column_norms(norms) {}

  RoundedWeights where(Grid up_grid, Grid down_grid) {
    return {.up_grid = up_grid,
            .down_grid = down_grid,
            .up = up.data() + 1,
            .down = down.data() + 1,
            .down_stride = stride,
            .column_norms = column_norms.data() + 1};
  }

  std::size_t stride;
  std::vector<Real> up;
  std::vector<Real> down;
  std::vector<Real> column_norms;
};

/// The same by plain loops; returns the largest norm of a row.
Real round_plainly(const std::vector<Real>& weights, Shape shape, Grid up_grid, Grid down_grid, Rounded& rounded) {
  Real largest = 0;
  for (std::size_t i = 0; i < shape.rows; ++i) {
    Real row_norm = 0;
    for (std::size_t j = 0; j < shape.columns; ++j) {
      const Real weight = weights[i * shape.columns + j];
      rounded.up[1 + i * shape.columns + j] = test::round_to(weight, up_grid);
      rounded.down[1 + j * rounded.stride + i] = test::round_to(weight, down_grid);
      const Real norm = std::ceil(std::abs(weight) * 256);
      rounded.column_norms[1 + j] += norm;
      row_norm += norm;
    }
    largest = std::max(largest, row_norm);
  }
  return largest;
}

/// Instruction sets may differ in the sign of a weight that is rounded to zero: no sum can tell, and == cannot.
void expect_same(const Rounded& actual, const Rounded& expected, Shape shape) {
  ASSERT_EQ(actual.up, expected.up) << shape.rows << " x " << shape.columns;
  ASSERT_EQ(actual.down, expected.down) << shape.rows << " x " << shape.columns;
  ASSERT_TRUE(same_bits(actual.column_norms, expected.column_norms)) << shape.rows << " x " << shape.columns;
}

std::vector<Real> some_norms(Random& random, std::size_t count) {
  std::vector<Real> norms = random.reals(count, 0, 1000);
  for (Real& norm : norms) norm = std::round(norm);
  return norms;
}

TEST_P(StateKernelsTest, WeightsAreRoundedAndTransposedAndTheirNormsAdded) {
  Random random(8);
  for (const Shape shape : shapes()) {
    std::vector<Real> weights = random.reals(shape.rows * shape.columns, -3, 3);
    const std::vector<Real> norms = some_norms(random, shape.columns + 2);
    Rounded actual(shape, norms);
    Rounded expected(shape, norms);
    const Real expected_norm = round_plainly(weights, shape, Grid{14}, Grid{9}, expected);
    const Real norm = round_weights({weights.data(), shape.rows, shape.columns}, actual.where(Grid{14}, Grid{9}));
    ASSERT_EQ(norm, expected_norm) << shape.rows << " x " << shape.columns;
    expect_same(actual, expected, shape);
  }
}

TEST_P(StateKernelsTest, ANormThatMeetsNoNumberIsNoNumber) {
  constexpr Shape shape{21, 23};
  for (const Real bad : {std::numeric_limits<Real>::quiet_NaN(), std::numeric_limits<Real>::infinity(),
                         -std::numeric_limits<Real>::infinity()}) {
    for (std::size_t at = 0; at < shape.rows * shape.columns; ++at) {
      std::vector<Real> weights(shape.rows * shape.columns, 0.5F);
      weights[at] = bad;
      Rounded rounded(shape, std::vector<Real>(shape.columns + 2));
      const Real norm = round_weights({weights.data(), shape.rows, shape.columns}, rounded.where(Grid{10}, Grid{10}));
      ASSERT_EQ(norm, std::numeric_limits<Real>::infinity()) << bad << " at " << at;
      ASSERT_FALSE(std::isfinite(rounded.column_norms[1 + at % shape.columns])) << bad << " at " << at;
    }
  }
}

}  // namespace
}  // namespace rbmpi
