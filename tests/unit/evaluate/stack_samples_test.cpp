#include "rbmpi/evaluate/stack_samples.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "support/expect_error.hpp"
#include "support/numbers.hpp"
#include "support/random_rbm.hpp"
#include "support/toy_unit.hpp"

namespace rbmpi {
namespace {

using Stack = std::vector<Rbm>;

Stack random_stack(const std::vector<RbmShape>& shapes) {
  Stack stack;
  for (std::size_t k = 0; k < shapes.size(); ++k) stack.push_back(test::random_rbm(shapes[k], 1, 1, 10 + k));
  return stack;
}

/// The states of a record as numbers, and its probabilities.
struct StackTaken {
  std::uint64_t step = 0;
  std::size_t columns = 0;
  std::vector<Real> states;
  std::vector<Real> probabilities;
};

StackTaken copy_of(const ChainRecord& record) {
  StackTaken taken;
  taken.step = record.step;
  taken.columns = std::max(record.states.columns, record.numbers.columns);
  taken.states.assign(record.numbers.values, record.numbers.values + record.numbers.size());
  for (std::size_t i = 0; i < record.states.rows; ++i) {
    for (std::size_t j = 0; j < record.states.columns; ++j) taken.states.push_back(record.states.at(i, j) ? 1 : 0);
  }
  taken.probabilities.assign(record.probabilities.values, record.probabilities.values + record.probabilities.size());
  return taken;
}

std::vector<StackTaken> sampled(const Stack& stack, const ChainStart& start, const GibbsSettings& settings) {
  const std::vector<RbmView<const Real>> layers(stack.begin(), stack.end());
  std::vector<StackTaken> all;
  sample_stack(layers, start, settings, Communicator(),
               [&](const ChainRecord& record) { all.push_back(copy_of(record)); });
  return all;
}

std::vector<StackTaken> chains_of(const Rbm& rbm, const ChainStart& start, const GibbsSettings& settings) {
  std::vector<StackTaken> all;
  run_gibbs_chains(rbm, start, settings, Communicator(),
                   [&](const ChainRecord& record) { all.push_back(copy_of(record)); });
  return all;
}

double state_of(const UnitEntry& unit, std::size_t number, std::size_t place) {
  return unit.values[number >> place & 1U];
}

/// p(v) of all visible states of a machine, by enumeration; bit i of a state's number says which value unit i has.
std::vector<double> plain_marginal(RbmView<const Real> rbm) {
  const auto [V, H] = std::pair(rbm.shape().visible, rbm.shape().hidden);
  std::vector<double> result(std::size_t{1} << V);
  double total = 0;
  for (std::size_t v = 0; v < result.size(); ++v) {
    double weight = 1;
    for (std::size_t i = 0; i < V; ++i) weight *= std::exp(rbm.visible_bias[i] * state_of(*rbm.visible_unit, v, i));
    for (std::size_t j = 0; j < H; ++j) {
      double field = rbm.hidden_bias[j];
      for (std::size_t i = 0; i < V; ++i) field += state_of(*rbm.visible_unit, v, i) * double{rbm.weights.row(i)[j]};
      double sum = 0;
      for (const double h : rbm.hidden_unit->values) sum += std::exp(h * field);
      weight *= sum;
    }
    total += result[v] = weight;
  }
  for (double& weight : result) weight /= total;
  return result;
}

/// p(v) = sum_h p(v | h) p(h), of which the first bits of `above` are the h.
std::vector<double> plain_descent(RbmView<const Real> rbm, const std::vector<double>& above) {
  const auto [V, H] = std::pair(rbm.shape().visible, rbm.shape().hidden);
  std::vector<double> result(std::size_t{1} << V);
  for (std::size_t h = 0; h < above.size(); ++h) {
    for (std::size_t v = 0; v < result.size(); ++v) {
      double p = above[h];
      for (std::size_t i = 0; i < V; ++i) {
        double field = rbm.visible_bias[i];
        for (std::size_t j = 0; j < H; ++j) field += state_of(*rbm.hidden_unit, h, j) * double{rbm.weights.row(i)[j]};
        const std::span<const double> values = rbm.visible_unit->values;
        const double upper = 1 / (1 + std::exp(-(values[1] - values[0]) * field));
        p *= (v >> i & 1U) != 0 ? upper : 1 - upper;
      }
      result[v] += p;
    }
  }
  return result;
}

std::vector<double> plain_distribution(const Stack& stack) {
  std::vector<double> p = plain_marginal(stack.back().view());
  for (std::size_t k = stack.size() - 1; k-- > 0;) p = plain_descent(stack[k].view(), p);
  return p;
}

/// Each state as often as it should be, to four standard errors.
void expect_distribution(const StackTaken& taken, const UnitEntry& unit, const std::vector<double>& expected) {
  const std::size_t chains = taken.states.size() / taken.columns;
  std::vector<double> counts(expected.size());
  for (std::size_t i = 0; i < chains; ++i) {
    std::size_t number = 0;
    for (std::size_t j = 0; j < taken.columns; ++j) {
      const bool upper = double{taken.states[i * taken.columns + j]} == unit.values[1];
      number |= static_cast<std::size_t>(upper) << j;
    }
    ++counts.at(number);
  }
  const auto n = static_cast<double>(chains);
  for (std::size_t state = 0; state < counts.size(); ++state) {
    const double error = std::sqrt(expected[state] * (1 - expected[state]) / n);
    EXPECT_NEAR(counts[state] / n, expected[state], 4 * error) << "state " << state;
  }
}

constexpr GibbsSettings many{.chains = 20000, .steps = 60, .probabilities = true, .seed = 5};

TEST(StackSamplesTest, FollowTheDistributionOfTheStack) {
  use_threads(1);
  const UnitEntry* const bits = &bernoulli_unit;
  const UnitEntry* const spins = &test::toy_unit();
  for (const std::vector<RbmShape>& shapes :
       std::vector<std::vector<RbmShape>>{{{3, 3}, {3, 2}},
                                          {{4, 2}, {2, 3}, {3, 3}},
                                          {{3, 2}, {4, 3}},  // two units for labels
                                          {{3, 3, spins, bits}, {3, 2}},
                                          {{3, 3, bits, spins}, {3, 2, spins, bits}},
                                          {{3, 2}, {2, 3, bits, spins}, {3, 2, spins, spins}}}) {
    const Stack stack = random_stack(shapes);
    const std::vector<double> expected = plain_distribution(stack);
    const std::vector<StackTaken> taken = sampled(stack, {}, many);
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_EQ(taken[0].step, 60U);
    ASSERT_EQ(taken[0].columns, shapes.front().visible);
    expect_distribution(taken[0], *shapes.front().visible_unit, expected);
  }
}

TEST(StackSamplesTest, SoTheyDoWhereWeightsAreTooLargeForExactSums) {
  use_threads(1);
  // One hidden unit is always off, so its weights do not matter, but are beyond every grid.
  Stack stack = random_stack({{3, 3}, {3, 2}});
  for (std::size_t i = 0; i < 3; ++i) stack[0].view().weights.row(i)[1] = 1e6F;
  stack[1].view().visible_bias[1] = -100;
  std::vector<double> h = plain_marginal(stack[1].view());
  for (std::size_t state = 0; state < h.size(); ++state) h[state] = (state & 2U) != 0 ? 0 : h[state];
  expect_distribution(sampled(stack, {}, many)[0], bernoulli_unit, plain_descent(stack[0].view(), h));
}

TEST(StackSamplesTest, ProbabilitiesAreThoseTheStatesWereDrawnWith) {
  use_threads(1);
  const Stack stack = random_stack({{4, 2}, {2, 3}});
  const std::vector<double> expected = plain_distribution(stack);
  const StackTaken taken = sampled(stack, {}, many)[0];
  // Of each state of h there is one row of them.
  std::vector<std::vector<double>> rows;
  for (std::size_t h = 0; h < 4; ++h) {
    rows.emplace_back();
    for (std::size_t i = 0; i < 4; ++i) {
      double field = stack[0].view().visible_bias[i];
      for (std::size_t j = 0; j < 2; ++j) field += (h >> j & 1U) != 0 ? stack[0].view().weights.row(i)[j] : 0.0F;
      rows.back().push_back(1 / (1 + std::exp(-field)));
    }
  }
  std::vector<double> difference(4);
  std::vector<double> variance(4);
  std::vector<double> mean(4);
  for (std::size_t chain = 0; chain < many.chains; ++chain) {
    const Real* const p = taken.probabilities.data() + chain * 4;
    EXPECT_TRUE(std::ranges::any_of(rows,
                                    [&](const std::vector<double>& row) {
                                      return std::ranges::equal(row, std::span(p, 4), [](double a, Real b) {
                                        return std::abs(a - double{b}) < 1e-5;
                                      });
                                    }))
        << "chain " << chain;
    for (std::size_t i = 0; i < 4; ++i) {
      difference[i] += double{taken.states[chain * 4 + i]} - double{p[i]};
      variance[i] += double{p[i]} * (1 - double{p[i]});
      mean[i] += double{p[i]} / many.chains;
    }
  }
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_LT(std::abs(difference[i]), 4 * std::sqrt(variance[i])) << "unit " << i;
    double truth = 0;
    for (std::size_t state = 0; state < expected.size(); ++state) truth += (state >> i & 1U) != 0 ? expected[state] : 0;
    EXPECT_NEAR(mean[i], truth, 4 * std::sqrt(truth * (1 - truth) / many.chains)) << "unit " << i;
  }
}

TEST(StackSamplesTest, TheChainsAreThoseOfTheHighestLayer) {
  use_threads(1);
  // Below it is a layer that says the same on both sides.
  Stack stack;
  stack.emplace_back(RbmShape{70, 70});
  for (std::size_t i = 0; i < 70; ++i) {
    stack[0].view().weights.row(i)[i] = 200;
    stack[0].view().visible_bias[i] = -100;
  }
  stack.push_back(test::random_rbm({70, 20}, 0.5, 0.5, 2));
  const GibbsSettings settings{.chains = 300, .steps = 20, .every = 5, .start_too = true, .seed = 4};
  const std::vector<std::uint8_t> values(140, 1);
  const Samples ones{ElementType::uint8, reinterpret_cast<const std::byte*>(values.data()), 2, 70, 1.0};
  for (const ChainStart& start :
       {ChainStart{}, ChainStart{.samples = ones, .first_row = 0, .clamped = std::vector<bool>(70, true)}}) {
    const std::vector<StackTaken> found = sampled(stack, start, settings);
    const std::vector<StackTaken> chains = chains_of(stack[1], start, settings);
    ASSERT_EQ(found.size(), 5U);
    for (std::size_t time = 0; time < found.size(); ++time) {
      EXPECT_EQ(found[time].step, chains[time].step);
      EXPECT_EQ(found[time].states, chains[time].states);
      EXPECT_TRUE(found[time].probabilities.empty());
    }
  }
}

TEST(StackSamplesTest, ASingleLayerIsItsChains) {
  use_threads(1);
  const Stack stack = random_stack({{70, 20}});
  const GibbsSettings settings{
      .chains = 30, .steps = 20, .every = 10, .start_too = true, .probabilities = true, .seed = 4};
  const std::vector<StackTaken> found = sampled(stack, {}, settings);
  const std::vector<StackTaken> chains = chains_of(stack[0], {}, settings);
  ASSERT_EQ(found.size(), 3U);
  for (std::size_t time = 0; time < found.size(); ++time) {
    EXPECT_EQ(found[time].states, chains[time].states);
    EXPECT_TRUE(test::same_bits(found[time].probabilities, chains[time].probabilities));
  }
}

TEST(StackSamplesTest, NeitherThreadsNorOtherChainsMatter) {
  const UnitEntry* const spins = &test::toy_unit();
  for (const UnitEntry* const unit : {&bernoulli_unit, spins}) {
    const Stack stack = random_stack({{70, 33, unit, &bernoulli_unit}, {33, 40}, {45, 20}});
    const GibbsSettings settings{.chains = 300, .steps = 20, .every = 10, .start_too = true, .probabilities = true};
    GibbsSettings few = settings;
    few.chains = 3;
    GibbsSettings other = settings;
    other.seed = 2;
    use_threads(1);
    const std::vector<StackTaken> alone = sampled(stack, {}, settings);
    const std::vector<StackTaken> of_few = sampled(stack, {}, few);
    use_threads(3);
    const std::vector<StackTaken> shared = sampled(stack, {}, settings);
    use_threads(1);
    ASSERT_EQ(alone.size(), 3U);
    for (std::size_t time = 0; time < 3; ++time) {
      EXPECT_EQ(alone[time].states, shared[time].states);
      EXPECT_TRUE(test::same_bits(alone[time].probabilities, shared[time].probabilities));
      EXPECT_TRUE(std::ranges::equal(of_few[time].states, std::span(alone[time].states).first(3 * 70)));
    }
    EXPECT_NE(alone[1].states, alone[2].states);
    EXPECT_NE(alone[2].states, sampled(stack, {}, other)[2].states);
  }
}

TEST(StackSamplesTest, LayersThatDoNotFitAreRefused) {
  use_threads(1);
  const UnitEntry* const spins = &test::toy_unit();
  const auto refused = [](const std::vector<RbmShape>& shapes, const std::string& fragment) {
    test::expect_error(Failure::usage, {fragment}, [&] { static_cast<void>(sampled(random_stack(shapes), {}, {})); });
  };
  refused({{4, 3}, {2, 2}}, "layer 2 has 2 bernoulli visible units, but the layer below it 3 bernoulli hidden ones");
  refused({{4, 3}, {4, 2}, {2, 2}}, "layer 2 has 4");
  refused({{4, 3}, {3, 2, spins, &bernoulli_unit}}, "visible units, but the layer below it 3 bernoulli hidden ones");
  test::expect_error(Failure::other, {"not enough memory for 4294967295 chains"}, [] {
    Stack wide;
    wide.emplace_back(RbmShape{100000, 1});
    wide.emplace_back(RbmShape{1, 1});
    static_cast<void>(sampled(wide, {}, {.chains = 4294967295U, .steps = 1, .probabilities = true}));
  });
}

}  // namespace
}  // namespace rbmpi
