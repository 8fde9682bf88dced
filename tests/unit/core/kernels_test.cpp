#include "rbmpi/core/kernels.hpp"

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

constexpr ProbabilityRounding roundings[] = {
    unrounded, {.exact = true, .grid = {0}}, {.exact = true, .grid = {17}}, {.exact = true, .grid = {24}}};

/// Lengths with every kind of tail, and some of real layers.
std::vector<std::size_t> lengths() {
  std::vector<std::size_t> lengths(71);
  std::iota(lengths.begin(), lengths.end(), std::size_t{0});
  for (const std::size_t length : {300U, 784U, 1000U, 1024U, 1025U, 2500U}) lengths.push_back(length);
  return lengths;
}

/// Each kernel on each instruction set of this machine.
class KernelsTest : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

INSTANTIATE_TEST_SUITE_P(Targets, KernelsTest, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& test) { return std::string(hwy::TargetName(test.param)); });

TEST_P(KernelsTest, RunOnTheTargetThatIsTested) {
  EXPECT_STREQ(simd_target(), hwy::TargetName(GetParam()));
}

template <typename Value, typename Make>
void expect_scaled(double scale, const Make& make) {
  for (const std::size_t count : lengths()) {
    for (const ProbabilityRounding rounding : roundings) {
      std::vector<Value> values(count + 1);
      for (Value& value : values) value = make();
      // One element further on, so that no vector is aligned; what lies behind must stay.
      std::vector<Real> actual(count + 2, -7.0F);
      std::vector<Real> expected = actual;
      scale_to_probabilities(values.data() + 1, scale, count, rounding, actual.data() + 1);
      for (std::size_t i = 0; i < count; ++i) {
        const Real p = std::is_same_v<Value, double> ? static_cast<Real>(static_cast<double>(values[i + 1]) / scale)
                                                     : static_cast<Real>(values[i + 1]) / static_cast<Real>(scale);
        expected[i + 1] = test::round_probability(p, rounding);
      }
      ASSERT_TRUE(same_bits(actual, expected)) << count << " values, grid " << rounding.grid.exponent;
    }
  }
}

TEST_P(KernelsTest, ProbabilitiesAreTheValuesDividedByTheScale) {
  Random random(1);
  expect_scaled<std::uint8_t>(255.0, [&] { return static_cast<std::uint8_t>(random.below(256)); });
  expect_scaled<std::uint8_t>(16.0, [&] { return static_cast<std::uint8_t>(random.below(17)); });
  expect_scaled<float>(3.0, [&] { return static_cast<float>(random.uniform(0, 3)); });
  expect_scaled<double>(0.1, [&] { return random.uniform(0, 0.1); });
}

TEST_P(KernelsTest, RoundingGoesToTheNearestMultipleTiesToEven) {
  // Quarters on a grid of halves.
  const std::vector<float> values = {0.0F, 0.2F, 0.25F, 0.3F, 0.5F, 0.7F, 0.75F, 0.8F, 1.0F};
  const std::vector<Real> expected = {0.0F, 0.0F, 0.0F, 0.5F, 0.5F, 0.5F, 1.0F, 1.0F, 1.0F};
  std::vector<Real> actual(values.size());
  scale_to_probabilities(values.data(), 1.0, values.size(), {.exact = true, .grid = {1}}, actual.data());
  EXPECT_TRUE(same_bits(actual, expected));
}

TEST_P(KernelsTest, ActivateIsTheSigmoidOfFieldAndBias) {
  Random random(2);
  for (const std::size_t count : lengths()) {
    for (const ProbabilityRounding rounding : roundings) {
      std::vector<Real> actual = random.reals(count + 2, -30, 30);
      std::vector<Real> expected = actual;
      const std::vector<Real> bias = random.reals(count + 1, -5, 5);
      activate(actual.data() + 1, bias.data() + 1, count, rounding);
      for (std::size_t i = 1; i <= count; ++i) {
        expected[i] = test::round_probability(test::sigmoid(expected[i] + bias[i]), rounding);
      }
      ASSERT_TRUE(same_bits(actual, expected)) << count << " units, grid " << rounding.grid.exponent;
    }
  }
}

std::vector<Real> sigmoids(std::vector<Real> x) {
  const std::vector<Real> zeros(x.size());
  activate(x.data(), zeros.data(), x.size(), unrounded);
  return x;
}

TEST_P(KernelsTest, TheErrorOfTheSigmoidIsBelowItsBound) {
  std::vector<Real> x;
  for (int i = -400000; i <= 400000; ++i) x.push_back(static_cast<Real>(i) * 0x1p-12F);  // -97.6 to 97.6
  const std::vector<Real> actual = sigmoids(x);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, std::abs(double{actual[i]} - 1 / (1 + std::exp(-double{x[i]}))));
    ASSERT_GE(actual[i], 0.0F) << x[i];
    ASSERT_LE(actual[i], 1.0F) << x[i];
  }
  EXPECT_LT(worst, 2e-7);
}

TEST_P(KernelsTest, TheSigmoidEndsAtZeroAndOne) {
  constexpr Real largest = std::numeric_limits<Real>::max();
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  const std::vector<Real> y = sigmoids({-infinity, -largest, -88.0F, -40.0F, 0.0F, 40.0F, 88.0F, largest, infinity});
  EXPECT_EQ(y[0], y[1]);
  EXPECT_EQ(y[1], y[2]);
  EXPECT_GE(y[0], 0.0F);
  EXPECT_LT(y[0], 1e-37F);
  EXPECT_LT(y[2], y[3]);
  EXPECT_EQ(y[4], 0.5F);
  for (std::size_t i = 5; i < y.size(); ++i) EXPECT_EQ(y[i], 1.0F) << i;
}

TEST_P(KernelsTest, StatesAreRandomNumbersBelowTheProbabilities) {
  Random random(3);
  for (const std::size_t count : lengths()) {
    const RandomStream stream(17, 2, count, Phase::hidden, 5);
    std::vector<Real> p = random.reals(count + 2, 0, 1);
    // Multiples of 2^-8 and their neighbours: there the high byte decides alone, or not at all.
    for (std::size_t i = 0; i < p.size(); i += 2) p[i] = std::round(p[i] * 256) / 256;
    for (std::size_t i = 0; i < p.size(); i += 6) p[i] = std::nextafter(p[i], 2.0F - p[i] * 2);
    std::vector<Real> expected = p;
    for (std::size_t i = 0; i < count; ++i) expected[i + 1] = test::draw(p[i + 1], stream, i);

    std::vector<Real> actual = p;
    sample(p.data() + 1, count, stream, actual.data() + 1);
    ASSERT_TRUE(same_bits(actual, expected)) << count;
    sample(p.data() + 1, count, stream, p.data() + 1);
    ASSERT_TRUE(same_bits(p, expected)) << count << ", in place";
  }
}

TEST_P(KernelsTest, TheLowBitsOfARandomNumberDecideWhereItsHighByteDoesNot) {
  // Probabilities just above and just below the very numbers that are drawn.
  for (std::uint32_t step = 0; step < 20; ++step) {
    const RandomStream stream(3, 0, step, Phase::data, 1);
    constexpr std::size_t count = 100;
    std::vector<Real> below(count);
    std::vector<Real> above(count);
    for (std::size_t i = 0; i < count; ++i) {
      double low = 0;
      double high = 1;
      for (int bit = 0; bit < 32; ++bit) {
        const double middle = (low + high) / 2;
        (test::draw(static_cast<Real>(middle), stream, i) == 1.0F ? high : low) = middle;
      }
      above[i] = std::nextafter(static_cast<Real>(high), 1.0F);
      below[i] = std::nextafter(static_cast<Real>(low), 0.0F);
    }
    sample(above.data(), count, stream, above.data());
    sample(below.data(), count, stream, below.data());
    ASSERT_TRUE(same_bits(above, std::vector<Real>(count, 1.0F)));
    ASSERT_TRUE(same_bits(below, std::vector<Real>(count, 0.0F)));
  }
}

TEST_P(KernelsTest, ProbabilityZeroIsNeverAndOneAlways) {
  constexpr std::size_t count = 100000;
  const std::vector<Real> zeros(count, 0.0F);
  const std::vector<Real> ones(count, 1.0F);
  std::vector<Real> states(count);
  sample(zeros.data(), count, RandomStream(1, 0, 0, Phase::data, 0), states.data());
  EXPECT_TRUE(same_bits(states, zeros));
  sample(ones.data(), count, RandomStream(1, 0, 0, Phase::data, 0), states.data());
  EXPECT_TRUE(same_bits(states, ones));
}

TEST_P(KernelsTest, FrequenciesMeetTheProbabilities) {
  constexpr std::size_t count = 400000;
  std::vector<Real> states(count);
  for (const Real p : {0.001F, 0.3F, 0.5F, 0.77F, 0.999F}) {
    const std::vector<Real> probabilities(count, p);
    sample(probabilities.data(), count, RandomStream(99, 1, 2, Phase::visible, 3), states.data());
    const double on = std::accumulate(states.begin(), states.end(), 0.0);
    const double sigma = std::sqrt(count * double{p} * (1 - double{p}));
    EXPECT_NEAR(on, count * double{p}, 4 * sigma) << p;
  }
}

TEST_P(KernelsTest, FirstWordsAreThoseOfTheBlocks) {
  const RandomStream stream = RandomStream(5, 1, 7, Phase::order, 2).from_unit(32);
  for (const std::size_t count : {0U, 1U, 3U, 4U, 7U, 8U, 9U, 33U}) {
    std::vector<std::uint32_t> words(count);
    for (std::size_t i = 0; i < count; ++i) words[i] = static_cast<std::uint32_t>(0xFFFFFFF0U * i + 3 * i);
    std::vector<std::uint32_t> expected = words;
    for (std::uint32_t& word : expected) word = stream.block(word)[0];
    first_words(stream, words.data(), count);
    EXPECT_EQ(words, expected);
  }
}

TEST_P(KernelsTest, SquaredErrorsAreWholeNumbers) {
  Random random(4);
  for (const std::size_t count : lengths()) {
    const std::vector<Real> a = random.reals(count + 1, 0, 1);
    const std::vector<Real> b = random.reals(count + 1, 0, 1);
    std::int64_t expected = 0;
    for (std::size_t i = 1; i <= count; ++i) expected += test::squared_error(a[i], b[i]);
    ASSERT_EQ(squared_error(a.data() + 1, b.data() + 1, count), expected) << count;
  }
}

TEST_P(KernelsTest, SquaredErrorsOfALongRowDoNotOverflow) {
  constexpr std::size_t count = 5003;
  const std::vector<Real> zeros(count, 0.0F);
  const std::vector<Real> ones(count, 1.0F);
  EXPECT_EQ(squared_error(zeros.data(), ones.data(), count), std::int64_t{count} << 24);
}

TEST_P(KernelsTest, SquaredErrorsAreCloseToTheTrueOnes) {
  constexpr std::size_t count = 100000;
  Random random(5);
  const std::vector<Real> a = random.reals(count, 0, 1);
  const std::vector<Real> b = random.reals(count, 0, 1);
  double expected = 0;
  for (std::size_t i = 0; i < count; ++i) expected += std::pow(double{a[i]} - double{b[i]}, 2);
  const double actual = static_cast<double>(squared_error(a.data(), b.data(), count)) * 0x1p-24;
  EXPECT_NEAR(actual / count, expected / count, 1e-6);
}

TEST_P(KernelsTest, DifferencesAreAddedOneAfterTheOther) {
  Random random(6);
  for (const std::size_t count : lengths()) {
    const std::vector<Real> a = random.reals(count + 1, 0, 1);
    const std::vector<Real> b = random.reals(count + 1, 0, 1);
    std::vector<Real> actual = random.reals(count + 2, -100, 100);
    std::vector<Real> expected = actual;
    add_difference(a.data() + 1, b.data() + 1, count, actual.data() + 1);
    for (std::size_t i = 1; i <= count; ++i) {
      const Real sum = expected[i] + a[i];
      expected[i] = sum - b[i];
    }
    ASSERT_TRUE(same_bits(actual, expected)) << count;
  }
}

/// With and without the terms that kernels leave out where nobody asks for them.
std::vector<GradientTerms> all_terms() {
  constexpr Real share = 1.0F / 7.0F;
  return {{.sample_share = share, .weight_cost = 0.0002F},
          {.sample_share = share, .weight_cost = 0.0002F, .l1 = 0.03F},
          {.sample_share = share, .clip = 2},
          {.sample_share = share, .weight_cost = 0.5F, .l1 = 0.03F, .clip = 2}};
}

/// Calls check(terms, sums, parameters) for all terms and lengths, with a word in front of each array, and zeros among
/// the parameters.
template <typename Check>
void for_all_terms(std::uint64_t seed, const Check& check) {
  Random random(seed);
  for (const GradientTerms& terms : all_terms()) {
    for (const std::size_t count : lengths()) {
      const std::vector<Real> sums = random.reals(count + 1, -50, 50);
      std::vector<Real> parameters = random.reals(count + 2, -1, 1);
      for (std::size_t i = 0; i < parameters.size(); i += 5) parameters[i] = i % 2 == 0 ? 0.0F : -0.0F;
      check(random, terms, count, sums, parameters);
    }
  }
}

TEST_P(KernelsTest, TheMomentumUpdateIsTheFormula) {
  for_all_terms(7, [](Random& random, const GradientTerms& terms, std::size_t count, const std::vector<Real>& sums,
                      std::vector<Real>& parameters) {
    const MomentumStep step{.gradient = terms, .learning_rate = 0.1F, .momentum = 0.9F};
    std::vector<Real> velocity = random.reals(count + 2, -1, 1);
    std::vector<Real> expected_velocity = velocity;
    std::vector<Real> expected_parameters = parameters;
    momentum_update(step, sums.data() + 1, count, velocity.data() + 1, parameters.data() + 1);
    for (std::size_t i = 1; i <= count; ++i) {
      test::momentum_update(step, sums[i], expected_velocity[i], expected_parameters[i]);
    }
    ASSERT_TRUE(same_bits(velocity, expected_velocity)) << count;
    ASSERT_TRUE(same_bits(parameters, expected_parameters)) << count;
  });
}

TEST_P(KernelsTest, TheAdamUpdateIsTheFormula) {
  for_all_terms(8, [](Random& random, const GradientTerms& terms, std::size_t count, const std::vector<Real>& sums,
                      std::vector<Real>& parameters) {
    const AdamStep step{
        .gradient = terms, .learning_rate = 0.003F, .epsilon = 3e-10F, .first_share = 0.1F, .second_share = 0.001F};
    std::vector<Real> first = random.reals(count + 2, -1, 1);
    std::vector<Real> second = random.reals(count + 2, 0, 1);
    std::vector<Real> expected_first = first;
    std::vector<Real> expected_second = second;
    std::vector<Real> expected_parameters = parameters;
    adam_update(step, sums.data() + 1, count, first.data() + 1, second.data() + 1, parameters.data() + 1);
    for (std::size_t i = 1; i <= count; ++i) {
      test::adam_update(step, sums[i], expected_first[i], expected_second[i], expected_parameters[i]);
    }
    ASSERT_TRUE(same_bits(first, expected_first)) << count;
    ASSERT_TRUE(same_bits(second, expected_second)) << count;
    ASSERT_TRUE(same_bits(parameters, expected_parameters)) << count;
  });
}

TEST_P(KernelsTest, TheRmspropUpdateIsTheFormula) {
  for_all_terms(9, [](Random& random, const GradientTerms& terms, std::size_t count, const std::vector<Real>& sums,
                      std::vector<Real>& parameters) {
    const RmspropStep step{.gradient = terms, .learning_rate = 0.003F, .epsilon = 1e-8F, .square_share = 0.1F};
    std::vector<Real> mean_square = random.reals(count + 2, 0, 1);
    std::vector<Real> expected_mean_square = mean_square;
    std::vector<Real> expected_parameters = parameters;
    rmsprop_update(step, sums.data() + 1, count, mean_square.data() + 1, parameters.data() + 1);
    for (std::size_t i = 1; i <= count; ++i) {
      test::rmsprop_update(step, sums[i], expected_mean_square[i], expected_parameters[i]);
    }
    ASSERT_TRUE(same_bits(mean_square, expected_mean_square)) << count;
    ASSERT_TRUE(same_bits(parameters, expected_parameters)) << count;
  });
}

TEST_P(KernelsTest, TheCossimUpdateIsTheFormulaAndItsProductsHaveOneOrder) {
  for (const std::size_t group : {1U, 3U, 16U, 21U, 500U}) {
    for_all_terms(10, [&](Random& random, const GradientTerms& terms, std::size_t count, const std::vector<Real>& sums,
                          std::vector<Real>& parameters) {
      const CossimStep step{.gradient = terms, .learning_rate = 0.1F};
      std::vector<Real> last = random.reals(count + 2, -1, 1);
      std::vector<Real> expected_last = last;
      std::vector<Real> expected_parameters = parameters;
      std::vector<Real> products((count + group - 1) / group + 1, 7);
      std::vector<Real> expected_products = products;
      cossim_update(step, sums.data() + 1, count, group, last.data() + 1, parameters.data() + 1, products.data());
      std::vector<Real> of_group;
      for (std::size_t i = 1; i <= count; ++i) {
        of_group.push_back(test::cossim_update(step, sums[i], expected_last[i], expected_parameters[i]));
        if (i % group != 0 && i < count) continue;
        expected_products[(i - 1) / group] = test::sum_in_places(of_group);
        of_group.clear();
      }
      ASSERT_TRUE(same_bits(last, expected_last)) << count;
      ASSERT_TRUE(same_bits(parameters, expected_parameters)) << count;
      ASSERT_TRUE(same_bits(products, expected_products)) << count << " in groups of " << group;
    });
  }
}

TEST_P(KernelsTest, ValuesAreAdded) {
  Random random(11);
  for (const std::size_t count : {0U, 1U, 5U, 16U, 39U, 500U}) {
    const std::vector<Real> values = random.reals(count, -1, 1);
    std::vector<Real> sums = random.reals(count + 1, -1, 1);
    std::vector<Real> expected = sums;
    for (std::size_t i = 0; i < count; ++i) expected[i] += values[i];
    add_values(values.data(), count, sums.data());
    ASSERT_TRUE(same_bits(sums, expected)) << count;
  }
}

TEST_P(KernelsTest, ValuesAreWeighedAndRounded) {
  Random random(13);
  for (const std::size_t count : {0U, 1U, 5U, 16U, 39U, 500U}) {
    const std::vector<Real> values = random.reals(count, 0, 1);
    for (const ProbabilityRounding rounding : {unrounded, ProbabilityRounding{.exact = true, .grid = {9}}}) {
      std::vector<Real> expected = values;
      for (Real& value : expected) value = test::round_probability(value * 5.25F, rounding);
      std::vector<Real> weighed(count);
      weigh(values.data(), 5.25F, count, rounding, weighed.data());
      ASSERT_TRUE(same_bits(weighed, expected)) << count;
      weighed = values;
      weigh(weighed.data(), 5.25F, count, rounding, weighed.data());
      ASSERT_TRUE(same_bits(weighed, expected)) << count << " in place";
    }
  }
}

TEST_P(KernelsTest, ARowIsCentredByTheFormulaAndItsSumHasOneOrder) {
  Random random(12);
  for (const std::size_t count : {1U, 3U, 4U, 15U, 16U, 17U, 21U, 100U, 500U}) {
    const std::vector<Real> offsets = random.reals(count, 0, 1);
    const std::vector<Real> biases = random.reals(count, -1, 1);
    const std::vector<Real> model = random.reals(count, 0, 100);
    std::vector<Real> gradient = random.reals(count + 1, 0, 50);
    std::vector<Real> columns = random.reals(count + 1, -1, 1);
    std::vector<Real> expected = gradient;
    std::vector<Real> expected_columns = columns;
    const CentredRow row{.data_share = 0.02F,
                         .model_share = 0.01F,
                         .offset = 0.3F,
                         .bias = -0.7F,
                         .offsets = offsets.data(),
                         .biases = biases.data()};
    const Real sum = centre_gradient(row, count, gradient.data(), model.data(), columns.data());
    std::vector<Real> products;
    for (std::size_t j = 0; j < count; ++j) {
      // One operation to a line, so that none are contracted.
      const Real of_data = expected[j] * row.data_share;
      const Real of_model = model[j] * row.model_share;
      const Real plain = of_data - of_model;
      const Real of_bias = row.bias * offsets[j];
      const Real of_biases = row.offset * biases[j];
      const Real less_bias = plain - of_bias;
      expected[j] = less_bias - of_biases;
      const Real column = row.offset * expected[j];
      expected_columns[j] += column;
      products.push_back(expected[j] * offsets[j]);
    }
    ASSERT_TRUE(same_bits(gradient, expected)) << count;
    ASSERT_TRUE(same_bits(columns, expected_columns)) << count;
    ASSERT_EQ(sum, test::sum_in_places(products)) << count;
  }
}

/// Whoever clips must not hide that something went wrong.
TEST_P(KernelsTest, WhatIsNoNumberIsNotClippedAway) {
  const MomentumStep step{.gradient = {.l1 = 1, .clip = 1}, .learning_rate = 1};
  for (const std::size_t at : {0U, 5U, 18U}) {
    std::vector<Real> sums(19, 3);
    std::vector<Real> velocity(19);
    std::vector<Real> parameters(19);
    sums[at] = std::nanf("");
    momentum_update(step, sums.data(), sums.size(), velocity.data(), parameters.data());
    for (std::size_t i = 0; i < sums.size(); ++i) EXPECT_EQ(std::isnan(parameters[i]), i == at);
  }
}

TEST(AllFiniteTest, OneBadNumberAnywhereIsFound) {
  constexpr Real infinity = std::numeric_limits<Real>::infinity();
  for (const std::size_t count : {1U, 2U, 7U, 16U, 33U, 100U}) {
    std::vector<Real> values(count, -std::numeric_limits<Real>::max());
    values.back() = std::numeric_limits<Real>::denorm_min();
    EXPECT_TRUE(all_finite(values.data(), count));
    for (std::size_t at = 0; at < count; ++at) {
      for (const Real bad : {infinity, -infinity, std::nanf(""), -std::nanf("")}) {
        std::vector<Real> spoilt = values;
        spoilt[at] = bad;
        ASSERT_FALSE(all_finite(spoilt.data(), count)) << bad << " at " << at;
      }
    }
  }
  EXPECT_TRUE(all_finite(nullptr, 0));
}

}  // namespace
}  // namespace rbmpi
