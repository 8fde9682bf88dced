#include "rbmpi/gibbs/chains.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "support/random_rbm.hpp"

namespace rbmpi {
namespace {

Rbm random_rbm(RbmShape shape, std::uint64_t seed) {
  return test::random_rbm(shape, 1, 1, seed);
}

ChainModel model_of(const Rbm& rbm, Real inverse_temperature = 1) {
  const RbmView<const Real> view = rbm.view();
  return {.visible = view.visible_units(), .hidden = view.hidden_units(), .inverse_temperature = inverse_temperature};
}

/// Chains that began as noise and took so many sweeps.
Chains swept(const Couplings& couplings, const ChainModel& model, Shard mine, std::uint64_t sweeps, Arena& memory) {
  Chains chains(couplings, mine, {.seed = 5}, memory);
  const std::vector<Real> zeros(couplings.visible());
  const UnitRow even_odds{&bernoulli_unit, zeros.size(), zeros.data(), zeros.size()};
  chains.for_blocks(
      [&](ChainBlock& block, Shard) { block.draw_independent(even_odds, chains.numbers(), Phase::chain_start); });
  chains.sweep(model, 0, sweeps);
  return chains;
}

std::vector<std::uint64_t> states(BitMatrixView all) {
  return {all.words, all.words + all.rows * all.row_words()};
}

/// F of the i-th of these chains, in double precision.
double free_energy(const Couplings& couplings, const ChainModel& model, ConstBitMatrixView v, std::size_t i) {
  double energy = 0;
  for_each_unit_on(v, i, [&](std::size_t unit) { energy -= double{model.visible.parameters[unit]}; });
  for (std::size_t j = 0; j < couplings.hidden(); ++j) {
    double field = 0;
    for_each_unit_on(v, i, [&](std::size_t unit) { field += double{couplings.weights_up().row(unit)[j]}; });
    energy -= std::log1p(std::exp(double{model.hidden.parameters[j]} + double{model.inverse_temperature} * field));
  }
  return energy;
}

class ChainsTest : public testing::Test {
 protected:
  Arena memory;
  void SetUp() override { use_threads(1); }
  void TearDown() override { use_threads(1); }
};

TEST_F(ChainsTest, TheyFollowTheDistributionOfTheirTemperature) {
  constexpr std::size_t visible = 4;
  constexpr std::size_t chains = 20000;
  const Rbm rbm = random_rbm({visible, 3}, 1);
  const Couplings couplings(WeightRounding::one_grid, rbm.view().weights);
  for (const Real t : {Real{0}, Real{0.5}, Real{1}, Real{2}}) {
    const ChainModel model = model_of(rbm, t);
    Chains all = swept(couplings, model, {0, chains}, 30, memory);
    std::vector<double> counts(std::size_t{1} << visible);
    for (std::size_t i = 0; i < chains; ++i) ++counts[*all.visible().row(i)];
    std::vector<double> weights;
    double total = 0;
    for (std::uint64_t v = 0; v < counts.size(); ++v) {
      weights.push_back(std::exp(-free_energy(couplings, model, {&v, 1, visible}, 0)));
      total += weights.back();
    }
    double chi_square = 0;
    for (std::size_t v = 0; v < counts.size(); ++v) {
      const double expected = chains * weights[v] / total;
      chi_square += (counts[v] - expected) * (counts[v] - expected) / expected;
    }
    EXPECT_LT(chi_square, 40) << "15 degrees of freedom, t = " << t;
  }
}

TEST_F(ChainsTest, EachHasItsEnergyAndItsMeans) {
  const Rbm rbm = random_rbm({70, 40}, 2);
  const Couplings couplings(WeightRounding::one_grid, rbm.view().weights);
  std::vector<std::uint64_t> clamped(words_for(70));
  clamped[0] = 0xF0F0;
  ChainModel model = model_of(rbm, Real{0.75});
  model.clamped = clamped;
  Chains chains = swept(couplings, model, {3, 150}, 2, memory);
  const ConstBitMatrixView v = chains.visible();
  const ConstBitMatrixView h = chains.hidden();
  std::vector<double> energies(v.rows);
  chains.free_energies(model, energies);
  std::vector<Real> means(v.rows * v.columns);
  chains.visible_means(model, {means.data(), v.rows, v.columns});
  chains.for_blocks([&](ChainBlock& block, Shard rows) {
    const ConstMatrixView fields = block.form_hidden_fields();
    std::vector<double> x;
    for (std::size_t j = 0; j < fields.size(); ++j) {
      x.push_back(0.75 * double{fields.values[j]} + double{model.hidden.parameters[j % fields.columns]});
    }
    const ConstMatrixView of_hidden = block.hidden_means(model);
    ASSERT_EQ(of_hidden.rows, rows.count);
    for (std::size_t j = 0; j < x.size(); ++j) ASSERT_NEAR(of_hidden.values[j], 1 / (1 + std::exp(-x[j])), 1e-6);
  });
  for (std::size_t i = 0; i < v.rows; ++i) {
    EXPECT_NEAR(energies[i], free_energy(couplings, model, v, i), 1e-10);
    for (std::size_t unit = 0; unit < v.columns; ++unit) {
      double x = 0;
      for_each_unit_on(h, i, [&](std::size_t j) { x += double{couplings.weights_up().row(unit)[j]}; });
      const bool stays = unit < 16 && (clamped[0] >> unit & 1U) != 0;
      const double mean = 1 / (1 + std::exp(-0.75 * x - double{model.visible.parameters[unit]}));
      ASSERT_NEAR(means[i * v.columns + unit], stays ? (v.at(i, unit) ? 1.0 : 0.0) : mean, 1e-6);
    }
  }
}

TEST_F(ChainsTest, ClampedUnitsKeepTheirStates) {
  const Rbm rbm = random_rbm({70, 20}, 3);
  const Couplings couplings(WeightRounding::one_grid, rbm.view().weights);
  const std::vector<std::uint64_t> clamped = {0xFFFF0000, 0x3};
  ChainModel model = model_of(rbm);
  Chains chains = swept(couplings, model, {0, 200}, 1, memory);
  const std::vector<std::uint64_t> before = states(chains.visible());
  model.clamped = clamped;
  chains.sweep(model, 1, 5);
  const std::vector<std::uint64_t> after = states(chains.visible());
  EXPECT_NE(before, after);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ((before[i] ^ after[i]) & clamped[i % 2], 0U);
}

TEST_F(ChainsTest, AChainDoesNotDependOnWhoElseIsThere) {
  const Rbm rbm = random_rbm({70, 20}, 4);
  const Couplings couplings(WeightRounding::one_grid, rbm.view().weights);
  const ChainModel model = model_of(rbm);
  Chains all = swept(couplings, model, {0, 300}, 6, memory);
  const std::vector<std::uint64_t> expected = states(all.visible());
  for (const int threads : {1, 3}) {
    use_threads(threads);
    std::vector<std::uint64_t> parts;
    for (const Shard mine : {Shard{0, 1}, Shard{1, 170}, Shard{171, 129}}) {
      Chains some = swept(couplings, model, mine, 4, memory);
      some.sweep(model, 4, 2);
      const std::vector<std::uint64_t> part = states(some.visible());
      parts.insert(parts.end(), part.begin(), part.end());
    }
    EXPECT_EQ(parts, expected) << threads << " threads";
  }
}

TEST_F(ChainsTest, EachBlockMayHaveItsOwnTemperature) {
  const Rbm rbm = random_rbm({70, 20}, 5);
  const Couplings couplings(WeightRounding::one_grid, rbm.view().weights);
  Chains chains = swept(couplings, model_of(rbm), {0, 2 * rows_through_machine}, 0, memory);
  chains.for_blocks([&](ChainBlock& block, Shard rows) {
    block.form_hidden_fields();
    block.draw_both_sides(model_of(rbm, rows.first == 0 ? Real{1} : Real{0.5}), chains.numbers(), 0);
  });
  std::vector<std::uint64_t> expected =
      states(swept(couplings, model_of(rbm), {0, rows_through_machine}, 1, memory).visible());
  const std::vector<std::uint64_t> warm = states(
      swept(couplings, model_of(rbm, Real{0.5}), {rows_through_machine, rows_through_machine}, 1, memory).visible());
  expected.insert(expected.end(), warm.begin(), warm.end());
  EXPECT_EQ(states(chains.visible()), expected);
}

}  // namespace
}  // namespace rbmpi
