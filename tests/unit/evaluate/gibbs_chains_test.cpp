#include "rbmpi/evaluate/gibbs_chains.hpp"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "support/expect_error.hpp"
#include "support/numbers.hpp"

namespace rbmpi {
namespace {

Rbm random_rbm(RbmShape shape, std::uint64_t seed, double largest = 1) {
  test::Random random(seed);
  Rbm rbm(shape);
  for (Real& parameter : rbm.parameters()) parameter = static_cast<Real>(random.bell() * largest);
  return rbm;
}

/// A record as it was taken.
struct Taken {
  std::uint64_t step = 0;
  std::vector<std::vector<int>> states;
  std::vector<Real> probabilities;
};

std::vector<Taken> run(const Rbm& rbm, const ChainStart& start, const GibbsSettings& settings) {
  std::vector<Taken> all;
  run_gibbs_chains(rbm, start, settings, Communicator(), [&](const ChainRecord& record) {
    Taken taken{record.step, {}, {}};
    for (std::size_t i = 0; i < record.states.rows; ++i) {
      taken.states.emplace_back();
      for (std::size_t j = 0; j < record.states.columns; ++j) {
        taken.states.back().push_back(static_cast<int>(record.states.row(i)[j / 64] >> (j % 64) & 1U));
      }
    }
    if (record.probabilities.values != nullptr) {
      taken.probabilities.assign(record.probabilities.values,
                                 record.probabilities.values + record.probabilities.size());
    }
    all.push_back(std::move(taken));
  });
  return all;
}

Samples bytes(const std::vector<std::uint8_t>& values, std::uint64_t columns) {
  return {ElementType::uint8, reinterpret_cast<const std::byte*>(values.data()), values.size() / columns, columns, 1.0};
}

/// p(v) of all visible states, by enumeration.
std::vector<double> distribution(const Rbm& rbm) {
  const RbmView<const Real> p = rbm.view();
  const std::size_t V = rbm.shape().visible;
  const std::size_t H = rbm.shape().hidden;
  std::vector<double> result(std::size_t{1} << V);
  double total = 0;
  for (std::size_t v = 0; v < result.size(); ++v) {
    double weight = 1;
    for (std::size_t i = 0; i < V; ++i) weight *= (v >> i & 1U) != 0 ? std::exp(double{p.visible_bias[i]}) : 1;
    for (std::size_t j = 0; j < H; ++j) {
      double field{p.hidden_bias[j]};
      for (std::size_t i = 0; i < V; ++i) field += static_cast<double>(v >> i & 1U) * double{p.weights.row(i)[j]};
      weight *= 1 + std::exp(field);
    }
    result[v] = weight;
    total += weight;
  }
  for (double& weight : result) weight /= total;
  return result;
}

std::size_t number_of(const std::vector<int>& state) {
  std::size_t number = 0;
  for (std::size_t i = 0; i < state.size(); ++i) number |= static_cast<std::size_t>(state[i]) << i;
  return number;
}

double chi_square(const std::vector<Taken>& taken, const std::vector<double>& expected) {
  std::vector<double> counts(expected.size());
  const std::vector<std::vector<int>>& states = taken.back().states;
  for (const std::vector<int>& state : states) ++counts[number_of(state)];
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double mean = expected[i] * static_cast<double>(states.size());
    sum += (counts[i] - mean) * (counts[i] - mean) / mean;
  }
  return sum;
}

// Of 15 degrees of freedom: one in a thousand is larger.
constexpr double largest_chi_square = 37.7;

TEST(GibbsChainsTest, ManyChainsFollowTheDistributionOfTheModel) {
  use_threads(1);
  const Rbm rbm = random_rbm({4, 3}, 1);
  const std::vector<double> expected = distribution(rbm);
  const GibbsSettings settings{.chains = 20000, .steps = 60, .seed = 5};
  EXPECT_LT(chi_square(run(rbm, {}, settings), expected), largest_chi_square);
  EXPECT_GT(chi_square(run(rbm, {}, {.chains = 20000, .steps = 0, .start_too = true, .seed = 5}), expected), 1000)
      << "the noise that they begin with does not";
}

TEST(GibbsChainsTest, SoTheyDoWhereWeightsAreTooLargeForExactSums) {
  use_threads(1);
  // One visible unit is always off, so its weights do not matter, but are beyond every grid.
  Rbm rbm = random_rbm({5, 3}, 1);
  for (std::size_t j = 0; j < 3; ++j) rbm.view().weights.row(4)[j] = 1e6F;
  rbm.view().visible_bias[4] = -1e9F;
  Rbm small({4, 3});
  std::copy_n(rbm.view().weights.values, 12, small.view().weights.values);
  std::copy_n(rbm.view().visible_bias.data(), 4, small.view().visible_bias.data());
  std::copy_n(rbm.view().hidden_bias.data(), 3, small.view().hidden_bias.data());
  const std::vector<Taken> taken = run(rbm, {}, {.chains = 20000, .steps = 60, .seed = 6});
  std::vector<double> expected = distribution(small);
  expected.resize(32, 1e-300);
  EXPECT_LT(chi_square(taken, expected), largest_chi_square);
}

TEST(GibbsChainsTest, TheNumberOfThreadsDoesNotMatter) {
  const Rbm rbm = random_rbm({70, 33}, 2);
  const GibbsSettings settings{.chains = 300, .steps = 20, .every = 10, .start_too = true, .probabilities = true};
  use_threads(1);
  const std::vector<Taken> alone = run(rbm, {}, settings);
  use_threads(3);
  const std::vector<Taken> shared = run(rbm, {}, settings);
  use_threads(1);
  ASSERT_EQ(alone.size(), 3U);
  for (std::size_t i = 0; i < alone.size(); ++i) {
    EXPECT_EQ(alone[i].step, 10 * i);
    EXPECT_EQ(alone[i].states, shared[i].states);
    EXPECT_TRUE(test::same_bits(alone[i].probabilities, shared[i].probabilities));
  }
  EXPECT_NE(alone[1].states, alone[2].states);
}

TEST(GibbsChainsTest, AChainDoesNotDependOnTheOthers) {
  use_threads(1);
  const Rbm rbm = random_rbm({70, 33}, 2);
  const std::vector<Taken> few = run(rbm, {}, {.chains = 3, .steps = 20});
  const std::vector<Taken> many = run(rbm, {}, {.chains = 300, .steps = 20});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(few.back().states[i], many.back().states[i]);
  EXPECT_NE(few.back().states, run(rbm, {}, {.chains = 3, .steps = 20, .seed = 2}).back().states);
}

TEST(GibbsChainsTest, ChainsBeginAtTheirRows) {
  use_threads(1);
  const Rbm rbm = random_rbm({3, 2}, 3);
  const std::vector<std::uint8_t> values = {0, 0, 1, 0, 1, 0, 1, 1, 1};
  const std::vector<Taken> taken = run(rbm, {.samples = bytes(values, 3), .first_row = 2, .clamped = {}},
                                       {.chains = 4, .steps = 0, .start_too = true});
  ASSERT_EQ(taken.size(), 1U);
  const std::vector<std::vector<int>> expected = {{1, 1, 1}, {0, 0, 1}, {0, 1, 0}, {1, 1, 1}};
  EXPECT_EQ(taken[0].states, expected);
}

TEST(GibbsChainsTest, ClampedUnitsStayAndTheOthersFollowTheConditionalDistribution) {
  use_threads(1);
  const Rbm rbm = random_rbm({4, 3}, 4);
  const std::vector<std::uint8_t> values = {0, 1, 1, 0};
  const ChainStart start{.samples = bytes(values, 4), .first_row = 0, .clamped = {false, true, true, false}};
  const std::vector<Taken> taken =
      run(rbm, start, {.chains = 20000, .steps = 40, .every = 20, .start_too = true, .probabilities = true, .seed = 3});
  for (const Taken& record : taken) {
    for (std::size_t i = 0; i < record.states.size(); ++i) {
      ASSERT_EQ(record.states[i][1], 1);
      ASSERT_EQ(record.states[i][2], 1);
      ASSERT_EQ(record.probabilities[i * 4 + 1], 1.0F);
      if (record.step > 0) {
        ASSERT_GT(record.probabilities[i * 4], 0.0F);
        ASSERT_LT(record.probabilities[i * 4], 1.0F);
      }
    }
  }
  std::vector<double> expected = distribution(rbm);
  double total = 0;
  for (std::size_t v = 0; v < expected.size(); ++v) {
    expected[v] = (v & 6U) == 6 ? expected[v] : 0;
    total += expected[v];
  }
  for (double& p : expected) p = p > 0 ? p / total : 1e-300;
  EXPECT_LT(chi_square(taken, expected), 16.3) << "of 3 degrees of freedom: one in a thousand is larger";
}

TEST(GibbsChainsTest, TheProbabilitiesAreThoseTheStatesWereDrawnWith) {
  use_threads(1);
  const Rbm rbm = random_rbm({4, 3}, 5);
  const std::vector<Taken> taken = run(rbm, {}, {.chains = 20000, .steps = 10, .probabilities = true});
  for (std::size_t unit = 0; unit < 4; ++unit) {
    double difference = 0;
    double variance = 0;
    for (std::size_t i = 0; i < 20000; ++i) {
      const auto p = double{taken[0].probabilities[i * 4 + unit]};
      difference += taken[0].states[i][unit] - p;
      variance += p * (1 - p);
    }
    EXPECT_LT(std::abs(difference), 3.5 * std::sqrt(variance)) << "unit " << unit;
  }
}

TEST(GibbsChainsTest, ProgressGoesToOne) {
  use_threads(1);
  const Rbm rbm = random_rbm({4, 3}, 5);
  std::vector<double> progress;
  run_gibbs_chains(
      rbm, {}, {.chains = 1, .steps = 40}, Communicator(), [](const ChainRecord&) {},
      [&](double done) { progress.push_back(done); });
  EXPECT_EQ(progress, (std::vector<double>{0.4, 0.8, 1.0}));
}

TEST(GibbsChainsTest, WhatDoesNotFitIsRefused) {
  use_threads(1);
  const Rbm rbm = random_rbm({4, 3}, 5);
  const std::vector<std::uint8_t> values(6);
  const auto refused = [&](const ChainStart& start, const GibbsSettings& settings, const std::string& fragment) {
    test::expect_error(Failure::usage, {fragment}, [&] { static_cast<void>(run(rbm, start, settings)); });
  };
  refused({}, {.chains = 0}, "0 chains");
  refused({}, {.chains = std::uint64_t{1} << 32U}, "4294967295");
  refused({.samples = bytes(values, 3), .first_row = 0, .clamped = {}}, {}, "rows of 3 values, but the model has 4");
  refused({.samples = {}, .first_row = 0, .clamped = {true, true, false, true}}, {}, "rows of data");
  refused({.samples = {}, .first_row = 0, .clamped = {true}}, {}, "the model has 4");
  test::expect_error(Failure::other, {"not enough memory for 4294967295 chains"}, [&] {
    const Rbm wide({100000, 1});
    static_cast<void>(run(wide, {}, {.chains = 4294967295U, .steps = 1, .probabilities = true}));
  });
}

}  // namespace
}  // namespace rbmpi
