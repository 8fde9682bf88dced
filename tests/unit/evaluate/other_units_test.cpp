// Machines whose units are no zeros and ones: what evaluates them asks the table of units, and says so where it cannot.

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "rbmpi/evaluate/annealed_importance_sampling.hpp"
#include "rbmpi/evaluate/data_scores.hpp"
#include "rbmpi/evaluate/exact_partition.hpp"
#include "rbmpi/evaluate/gibbs_chains.hpp"
#include "rbmpi/evaluate/hidden_features.hpp"
#include "rbmpi/gibbs/couplings.hpp"
#include "support/expect_error.hpp"
#include "support/plain_units.hpp"
#include "support/toy_unit.hpp"

namespace rbmpi {
namespace {

using test::expect_error;
using test::random_machine;

/// Toy units on the visible side, on the hidden side, and on both.
std::vector<RbmShape> with_toy_units(std::size_t visible, std::size_t hidden) {
  const UnitEntry* const toy = &test::toy_unit();
  return {
      {visible, hidden, toy, &bernoulli_unit}, {visible, hidden, &bernoulli_unit, toy}, {visible, hidden, toy, toy}};
}

Samples floats(const std::vector<Real>& values, std::uint64_t columns) {
  return {ElementType::float32, reinterpret_cast<const std::byte*>(values.data()), values.size() / columns, columns, 1};
}

double log_sigmoid(double x) {
  return -std::log1p(std::exp(-x));
}

TEST(OtherUnitsTest, ExactLogZIsTheSumOverAllStates) {
  for (const RbmShape sizes : {RbmShape{1, 1}, RbmShape{4, 6}, RbmShape{6, 4}, RbmShape{5, 5}}) {
    for (const RbmShape shape : with_toy_units(sizes.visible, sizes.hidden)) {
      const Rbm rbm = random_machine(shape, 1, 3);
      const double log_z = exact_log_partition(rbm, Communicator());
      EXPECT_NEAR(log_z, test::plain_log_z(rbm), 1e-10) << units_in_words(shape);
      use_threads(3);
      EXPECT_EQ(exact_log_partition(rbm, Communicator()), log_z);
      use_threads(1);
    }
  }
}

TEST(OtherUnitsTest, AMachineOfSpinsIsOneOfBits) {
  // s = 2 x - 1: w' = 4 w, b'_i = 2 b_i - 2 sum_j w_ij, c'_j = 2 c_j - 2 sum_i w_ij; what is left is a constant.
  const UnitEntry* const toy = &test::toy_unit();
  const Rbm spins = random_machine({13, 12, toy, toy}, 0.5, 4);
  Rbm bits(RbmShape{13, 12});
  const RbmView<const Real> from = spins.view();
  const RbmView<Real> to = bits.view();
  double constant = 0;
  for (std::size_t i = 0; i < 13; ++i) {
    to.visible_bias[i] += 2 * from.visible_bias[i];
    constant -= double{from.visible_bias[i]};
    for (std::size_t j = 0; j < 12; ++j) {
      const Real weight = from.weights.row(i)[j];
      to.weights.row(i)[j] = 4 * weight;
      to.visible_bias[i] -= 2 * weight;
      to.hidden_bias[j] -= 2 * weight;
      constant += double{weight};
    }
  }
  for (std::size_t j = 0; j < 12; ++j) {
    to.hidden_bias[j] += 2 * from.hidden_bias[j];
    constant -= double{from.hidden_bias[j]};
  }
  EXPECT_NEAR(exact_log_partition(spins, Communicator()), exact_log_partition(bits, Communicator()) + constant, 1e-4);
}

TEST(OtherUnitsTest, EnumerationTakesTheSideThatCanBeCounted) {
  UnitEntry uncountable = bernoulli_unit;
  uncountable.values = {};
  uncountable.logistic = false;
  EXPECT_FALSE(can_enumerate({3, 30, &uncountable, &bernoulli_unit}));
  EXPECT_TRUE(can_enumerate({3, 20, &uncountable, &bernoulli_unit}));
  EXPECT_TRUE(enumerates_hidden({3, 20, &uncountable, &bernoulli_unit}));
  EXPECT_FALSE(enumerates_hidden({20, 3, &bernoulli_unit, &uncountable}));
  const Rbm plain = random_machine({3, 8}, 1, 5);
  Rbm other({3, 8, &uncountable, &bernoulli_unit});
  std::ranges::copy(plain.parameters(), other.parameters().begin());
  EXPECT_NEAR(exact_log_partition(other, Communicator()), test::plain_log_z(plain), 1e-10);

  static constexpr std::array<double, 3> three = {0, 1, 2};
  UnitEntry of_three = uncountable;
  of_three.values = three;
  EXPECT_TRUE(can_enumerate({40, 15, &bernoulli_unit, &of_three}));   // 3^15 < 2^25
  EXPECT_FALSE(can_enumerate({40, 16, &bernoulli_unit, &of_three}));  // 3^16 > 2^25
}

TEST(OtherUnitsTest, MemoryAndTimeOfEnumerationAreEstimated) {
  const UnitEntry* const toy = &test::toy_unit();
  const RbmShape shape{20, 12, toy, toy};
  EXPECT_GT(enumeration_memory(shape), std::size_t{12 * 20} * sizeof(double));
  EXPECT_GT(enumeration_seconds(random_machine(shape, 1, 6), 1), 0);
}

TEST(OtherUnitsTest, ScoresAreWhatTheDefinitionsSay) {
  for (const RbmShape shape : with_toy_units(5, 4)) {
    SCOPED_TRACE(units_in_words(shape));
    const Rbm rbm = random_machine(shape, 0.7, 7);
    const UnitEntry& unit = *shape.visible_unit;
    test::Random random(8);
    std::vector<Real> v(shape.visible);
    for (Real& value : v) value = static_cast<Real>(unit.values[random.below(2)]);
    const DataScores scores =
        score_data(rbm, floats(v, shape.visible), {.rows = {.binarise = Binarise::none}}, Communicator());
    EXPECT_EQ(scores.grey_rows, 0U);
    const double free_energy = test::plain_free_energy(rbm, v);
    EXPECT_NEAR(scores.free_energy.mean, free_energy, 1e-6);

    double full = 0;
    double stochastic = 0;
    for (std::size_t i = 0; i < shape.visible; ++i) {
      std::vector<Real> other = v;
      other[i] = static_cast<Real>(unit.flipped(double{v[i]}));
      const double one = log_sigmoid(test::plain_free_energy(rbm, other) - free_energy);
      full += one;
      if (i == flipped_unit(shape.visible, 1, 0)) stochastic = static_cast<double>(shape.visible) * one;
    }
    EXPECT_NEAR(scores.full_pseudo_likelihood->mean, full, 1e-5);
    EXPECT_NEAR(scores.pseudo_likelihood->mean, stochastic, 1e-5);

    // Mean h, by weighing all its states; then p(v | mean h) likewise.
    std::vector<Real> mean(shape.hidden);
    for (const std::vector<Real>& h : test::all_states(*shape.hidden_unit, shape.hidden)) {
      const double weight = std::exp(free_energy - test::machine_energy(rbm, v, h));
      for (std::size_t j = 0; j < h.size(); ++j) mean[j] += static_cast<Real>(weight * double{h[j]});
    }
    double total = 0;
    std::vector<double> mean_v(shape.visible);
    for (const std::vector<Real>& state : test::all_states(unit, shape.visible)) {
      const double weight = std::exp(-test::machine_energy(rbm, state, mean));
      total += weight;
      for (std::size_t i = 0; i < state.size(); ++i) mean_v[i] += weight * double{state[i]};
    }
    double squared_error = 0;
    for (std::size_t i = 0; i < shape.visible; ++i) {
      squared_error += std::pow(double{v[i]} - mean_v[i] / total, 2) / static_cast<double>(shape.visible);
    }
    EXPECT_NEAR(scores.reconstruction_mse->mean, squared_error, 1e-5);
    EXPECT_NEAR(scores.cross_entropy->mean, test::machine_energy(rbm, v, mean) + std::log(total), 1e-5);
  }
}

TEST(OtherUnitsTest, UnitsWithoutTwoStatesHaveNoPseudoLikelihood) {
  UnitEntry uncountable = bernoulli_unit;
  uncountable.values = {};
  uncountable.logistic = false;
  const Rbm rbm = random_machine({5, 4, &uncountable, &bernoulli_unit}, 0.7, 7);
  const std::vector<Real> v = {0, 1, 0.5F, 1, 0};
  const DataScores scores = score_data(rbm, floats(v, 5), {.rows = {.binarise = Binarise::none}}, Communicator());
  EXPECT_FALSE(scores.pseudo_likelihood);
  EXPECT_FALSE(scores.full_pseudo_likelihood);
  EXPECT_TRUE(scores.cross_entropy);
  EXPECT_EQ(scores.grey_rows, 0U);
}

TEST(OtherUnitsTest, RowsAreDrawnAndCutAsTheUnitsAre) {
  const std::vector<Real> values = {-1, 1, -0.2F, 0.2F, 0};
  RowBlocks blocks(floats(values, 5), 1);
  const RowReader& reader = blocks.next(0, 1);
  std::vector<Real> scratch(5);
  std::vector<double> v(5);
  read_row(reader, 0, {.binarise = Binarise::threshold, .unit = &test::toy_unit()}, scratch, v);
  EXPECT_EQ(v, (std::vector<double>{-1, 1, -1, 1, 1}));
  double sum = 0;
  for (std::uint64_t seed = 1; seed <= 10000; ++seed) {
    read_row(reader, 0, {.binarise = Binarise::sample, .seed = seed, .unit = &test::toy_unit()}, scratch, v);
    ASSERT_EQ(v[0], -1);
    ASSERT_EQ(v[1], 1);
    ASSERT_EQ(std::abs(v[2]), 1);
    sum += v[2];
  }
  EXPECT_NEAR(sum / 10000, -0.2, 0.05);
}

TEST(OtherUnitsTest, FeaturesAreMeansOrDrawnWithThem) {
  const std::vector<Real> rows = {0, 1, 1, 1, 0, 1};
  const Rbm rbm = random_machine({3, 4, &bernoulli_unit, &test::toy_unit()}, 1, 9);
  const RbmView<const Real> view = rbm.view();
  const std::vector<RbmView<const Real>> layers = {view};
  for (const bool sample : {false, true}) {
    hidden_features(layers, floats(rows, 3), {.sample = sample}, Communicator(),
                    [&](std::uint64_t, ConstMatrixView features) {
                      for (std::size_t row = 0; row < 2; ++row) {
                        for (std::size_t j = 0; j < 4; ++j) {
                          double field{view.hidden_bias[j]};
                          for (std::size_t i = 0; i < 3; ++i) {
                            field += double{rows[row * 3 + i]} * double{view.weights.row(i)[j]};
                          }
                          const double feature{features.row(row)[j]};
                          if (sample) {
                            EXPECT_EQ(std::abs(feature), 1);
                          } else {
                            EXPECT_NEAR(feature, std::tanh(field), 1e-5);
                          }
                        }
                      }
                    });
  }
  UnitEntry uncountable = bernoulli_unit;
  uncountable.name = "real";
  uncountable.values = {};
  const Rbm other = random_machine({3, 4, &bernoulli_unit, &uncountable}, 1, 9);
  const std::vector<RbmView<const Real>> of_other = {other.view()};
  expect_error(Failure::usage, {"features of real units cannot be drawn"}, [&] {
    hidden_features(of_other, floats(rows, 3), {.sample = true}, Communicator(), [](std::uint64_t, ConstMatrixView) {});
  });
}

/// The states and means of chains, as they were looked at.
struct TakenNumbers {
  std::vector<Real> states;
  std::vector<Real> means;
};
TakenNumbers run_numbers(const Rbm& rbm, const ChainStart& start, const GibbsSettings& settings) {
  TakenNumbers all;
  run_gibbs_chains(rbm, start, settings, Communicator(), [&](const ChainRecord& record) {
    const ConstMatrixView numbers = record.numbers;
    all.states.insert(all.states.end(), numbers.values, numbers.values + numbers.size());
    for (std::size_t i = 0; i < record.states.rows; ++i) {
      for (std::size_t j = 0; j < record.states.columns; ++j) all.states.push_back(record.states.at(i, j) ? 1 : 0);
    }
    const ConstMatrixView means = record.probabilities;
    all.means.insert(all.means.end(), means.values, means.values + means.size());
  });
  return all;
}

TEST(OtherUnitsTest, ChainsOfZerosAndOnesAsNumbersAreThoseOfBits) {
  UnitEntry numbers = bernoulli_unit;
  numbers.logistic = false;
  numbers.bits = nullptr;
  // With the large weights sums are not exact, and BLAS would form those of many units in another order.
  for (const auto& [sizes, size] :
       {std::pair(RbmShape{5, 7}, 1.0), std::pair(RbmShape{5, 7}, 1e6), std::pair(RbmShape{7, 1500}, 100.0)}) {
    const auto [visible, hidden] = std::pair(sizes.visible, sizes.hidden);
    const Rbm bits = random_machine({visible, hidden}, size, 11);
    EXPECT_EQ(Couplings(WeightRounding::one_grid, bits.view().weights).exact(), size == 1);
    Rbm other({visible, hidden, &numbers, &numbers});
    std::ranges::copy(bits.parameters(), other.parameters().begin());
    const std::vector<Real> data = test::Random(12).reals(std::size_t{4} * visible, 0, 1);
    std::vector<bool> clamped(visible);
    for (std::size_t i = 0; i < visible; i += 3) clamped[i] = true;
    for (const ChainStart& start :
         {ChainStart{}, ChainStart{floats(data, visible), 1, {}}, ChainStart{floats(data, visible), 1, clamped}}) {
      for (const std::uint64_t chains : {1U, 300U}) {
        const GibbsSettings settings{
            .chains = chains, .steps = 6, .every = 3, .start_too = true, .probabilities = true, .seed = 12};
        const TakenNumbers expected = run_numbers(bits, start, settings);
        const TakenNumbers actual = run_numbers(other, start, settings);
        EXPECT_TRUE(test::same_bits(actual.states, expected.states));
        EXPECT_TRUE(test::same_bits(actual.means, expected.means));
      }
    }
  }
}

TEST(OtherUnitsTest, ChainsFollowTheDistributionOfTheModel) {
  for (const RbmShape shape : with_toy_units(3, 2)) {
    const Rbm rbm = random_machine(shape, 0.7, 13);
    constexpr std::uint64_t chains = 20000;
    const TakenNumbers taken = run_numbers(rbm, {}, {.chains = chains, .steps = 30});
    const double log_z = test::plain_log_z(rbm);
    for (const std::vector<Real>& v : test::all_states(*shape.visible_unit, shape.visible)) {
      std::uint64_t count = 0;
      for (std::uint64_t i = 0; i < chains; ++i) {
        count += std::equal(v.begin(), v.end(), taken.states.begin() + static_cast<std::ptrdiff_t>(i * 3)) ? 1U : 0U;
      }
      const double p = std::exp(-test::plain_free_energy(rbm, v) - log_z);
      EXPECT_NEAR(static_cast<double>(count) / chains, p, 5 * std::sqrt(p * (1 - p) / chains));
    }
  }
}

TEST(OtherUnitsTest, ChainsDoNotDependOnThreadsOrOthers) {
  const UnitEntry* const toy = &test::toy_unit();
  for (const double size : {1.0, 1e6}) {
    const Rbm rbm = random_machine({20, 9, toy, toy}, size, 14);
    const GibbsSettings settings{.chains = 150, .steps = 5, .probabilities = true};
    const TakenNumbers expected = run_numbers(rbm, {}, settings);
    use_threads(3);
    const TakenNumbers actual = run_numbers(rbm, {}, settings);
    use_threads(1);
    EXPECT_TRUE(test::same_bits(actual.states, expected.states));
    EXPECT_TRUE(test::same_bits(actual.means, expected.means));
    const TakenNumbers few = run_numbers(rbm, {}, {.chains = 7, .steps = 5});
    EXPECT_TRUE(test::same_bits(std::span<const Real>(few.states), std::span(expected.states).first(7 * 20)));
  }
}

TEST(OtherUnitsTest, WhatTakesBitsSaysSo) {
  for (const RbmShape shape : with_toy_units(5, 4)) {
    const Rbm rbm = random_machine(shape, 1, 10);
    const std::string has = units_in_words(shape);
    expect_error(Failure::usage, {"annealed importance sampling takes machines of bernoulli", has},
                 [&] { (void)annealed_importance_sampling(rbm, std::vector<Real>(5), {}, Communicator()); });
  }
}

}  // namespace
}  // namespace rbmpi
