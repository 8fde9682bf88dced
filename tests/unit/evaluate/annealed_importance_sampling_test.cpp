#include "rbmpi/evaluate/annealed_importance_sampling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "rbmpi/evaluate/exact_partition.hpp"
#include "rbmpi/evaluate/temperatures.hpp"
#include "support/expect_error.hpp"
#include "support/random_rbm.hpp"

namespace rbmpi {
namespace {

using test::expect_error;
using test::random_rbm;

LogPartition forward(const Rbm& rbm, const AisSettings& settings) {
  const std::vector<Real> base_bias(rbm.shape().visible);
  return annealed_importance_sampling(rbm, base_bias, settings, Communicator());
}

/// From samples of no model.
LogPartition reverse(const Rbm& rbm, const AisSettings& settings, std::size_t chains) {
  const std::size_t visible = rbm.shape().visible;
  const std::vector<Real> base_bias(visible);
  std::vector<std::uint64_t> samples(chains * words_for(visible));
  for (std::size_t i = 0; i < chains; ++i) samples[i * words_for(visible)] = i & 0xFFU;
  return reverse_annealed_importance_sampling(rbm, base_bias, {samples.data(), chains, visible}, settings,
                                              Communicator());
}

TEST(AnnealedImportanceSamplingTest, IsExactWithoutWeights) {
  const Rbm rbm = random_rbm({70, 30}, 0, 2, 1);
  const AisSettings settings{.chains = 3, .temperatures = parse_temperatures("7")};
  // With the model's own visible biases in the base model, every chain has the same weight.
  const LogPartition estimate = annealed_importance_sampling(rbm, rbm.view().visible_bias, settings, Communicator());
  double log_z = 0;
  for (const Real bias : rbm.parameters().subspan(rbm.shape().weights())) log_z += std::log1p(std::exp(double{bias}));
  EXPECT_NEAR(estimate.log_z, log_z, 1e-10);
  EXPECT_NEAR(estimate.standard_error, 0, 1e-10);
  EXPECT_NEAR(estimate.effective_samples, 3, 1e-9);
}

TEST(AnnealedImportanceSamplingTest, FindsLogZWithManyVisibleUnits) {
  const Rbm rbm = random_rbm({300, 12}, 0.15, 1, 2);
  const LogPartition estimate = forward(rbm, {.chains = 100, .temperatures = parse_temperatures("500")});
  EXPECT_NEAR(estimate.log_z, exact_log_partition(rbm, Communicator()), 3 * estimate.standard_error);
  EXPECT_LT(estimate.standard_error, 0.1);
  EXPECT_LT(estimate.low, estimate.log_z);
  EXPECT_GT(estimate.high, estimate.log_z);
}

TEST(AnnealedImportanceSamplingTest, SumsUpTheWeightsOfItsChains) {
  const LogPartition estimate = forward(random_rbm({20, 12}, 1, 1, 3), {.chains = 50, .temperatures = {0, 0.5, 1}});
  ASSERT_EQ(estimate.log_weights.size(), 50);
  double mean = 0;
  double squares = 0;
  for (const double log_weight : estimate.log_weights) {
    mean += std::exp(log_weight) / 50;
    squares += std::exp(2 * log_weight) / 50;
  }
  const double error = std::sqrt((squares - mean * mean) / 49) / mean;
  EXPECT_NEAR(estimate.log_z, estimate.base_log_z + std::log(mean), 1e-10);
  EXPECT_NEAR(estimate.base_log_z, 32 * std::log(2), 1e-10);
  EXPECT_NEAR(estimate.standard_error, error, 1e-8);
  EXPECT_NEAR(estimate.effective_samples, 50 * mean * mean / squares, 1e-8);
  EXPECT_NEAR(estimate.high, estimate.log_z + std::log1p(3 * error), 1e-8);
}

/// A machine with one weight so large, and of no effect, that the grid for exact sums is coarse, or that there is none;
/// the others are small beside that grid.
Rbm rbm_with_a_large_weight(Real large) {
  Rbm rbm({30, 20});
  const RbmView<Real> view = rbm.view();
  std::ranges::fill(rbm.parameters().first(rbm.shape().weights()), 0.0015F);
  view.weights.row(0)[0] = -large;
  view.hidden_bias[0] = -1000;
  return rbm;
}

TEST(AnnealedImportanceSamplingTest, CountsWhatRoundingOfTheWeightsChanges) {
  const Rbm rounded_away = rbm_with_a_large_weight(60000);
  const LogPartition estimate = forward(rounded_away, {.chains = 400, .temperatures = parse_temperatures("3")});
  const double log_z = exact_log_partition(rounded_away, Communicator());
  EXPECT_NEAR(estimate.log_z, log_z, 3 * estimate.standard_error);
  EXPECT_GT(log_z - 49 * std::log(2), 20 * estimate.standard_error) << "so that it can be told from no weights";
}

TEST(AnnealedImportanceSamplingTest, TakesWeightsThatAreTooLargeForExactSums) {
  const Rbm rbm = rbm_with_a_large_weight(1e6);
  const LogPartition estimate = forward(rbm, {.chains = 400, .temperatures = parse_temperatures("3")});
  EXPECT_NEAR(estimate.log_z, exact_log_partition(rbm, Communicator()), 3 * estimate.standard_error);
  EXPECT_LT(estimate.standard_error, 0.01);
}

TEST(AnnealedImportanceSamplingTest, GibbsStepsBringSamplesNearTheModel) {
  const Rbm rbm = random_rbm({20, 10}, 0.5, 1, 4);
  const double log_z = exact_log_partition(rbm, Communicator());
  AisSettings settings{.temperatures = parse_temperatures("3")};
  EXPECT_GT(std::abs(reverse(rbm, settings, 2000).log_z - log_z), 0.5) << "so that there is something to bring nearer";
  settings.gibbs_steps = 50;
  const LogPartition moved = reverse(rbm, settings, 2000);
  EXPECT_NEAR(moved.log_z, log_z, 3 * moved.standard_error);
  EXPECT_LT(moved.standard_error, 0.1);
}

TEST(AnnealedImportanceSamplingTest, AChainDoesNotDependOnOthersOrThreads) {
  const Rbm rbm = random_rbm({30, 70}, 0.3, 1, 5);
  AisSettings settings{.chains = 600, .temperatures = parse_temperatures("5"), .gibbs_steps = 2};  // more than a block
  const LogPartition many = forward(rbm, settings);
  const LogPartition many_reverse = reverse(rbm, settings, 600);
  use_threads(3);
  EXPECT_EQ(forward(rbm, settings).log_weights, many.log_weights);
  EXPECT_EQ(reverse(rbm, settings, 600).log_weights, many_reverse.log_weights);
  use_threads(1);
  settings.chains = 7;
  EXPECT_TRUE(std::ranges::equal(forward(rbm, settings).log_weights, std::span(many.log_weights).first(7)));
  EXPECT_TRUE(std::ranges::equal(reverse(rbm, settings, 7).log_weights, std::span(many_reverse.log_weights).first(7)));
  settings.seed = 2;
  EXPECT_NE(forward(rbm, settings).log_weights[0], many.log_weights[0]);
  EXPECT_NE(reverse(rbm, settings, 7).log_weights[0], many_reverse.log_weights[0]);
}

TEST(AnnealedImportanceSamplingTest, SaysHowFarItIs) {
  std::vector<double> reports;
  const Rbm rbm = random_rbm({30, 70}, 0.3, 1, 5);
  const std::vector<Real> base_bias(30);
  (void)annealed_importance_sampling(rbm, base_bias, {.chains = 300, .temperatures = parse_temperatures("10")},
                                     Communicator(), [&](double done) { reports.push_back(done); });
  ASSERT_EQ(reports.size(), 20);
  EXPECT_TRUE(std::ranges::is_sorted(reports));
  EXPECT_EQ(reports.back(), 1);
}

TEST(AnnealedImportanceSamplingTest, OneChainHasNoStandardError) {
  const LogPartition estimate = forward(random_rbm({5, 4}, 1, 1, 6), {.chains = 1, .temperatures = {0, 1}});
  EXPECT_TRUE(std::isfinite(estimate.log_z));
  EXPECT_EQ(estimate.standard_error, std::numeric_limits<double>::infinity());
  EXPECT_EQ(estimate.low, -estimate.standard_error);
  EXPECT_EQ(estimate.high, estimate.standard_error);
}

TEST(AnnealedImportanceSamplingTest, TheBaseModelHasTheMeansOfTheData) {
  const std::vector<Real> bias = base_visible_bias(std::vector<double>{0, 0.5, 1});
  EXPECT_NEAR(bias[0], -std::log(21), 1e-6);
  EXPECT_EQ(bias[1], 0);
  EXPECT_NEAR(bias[2], std::log(21), 1e-6);
}

TEST(AnnealedImportanceSamplingTest, WhatMakesNoSenseIsRefused) {
  Rbm rbm = random_rbm({5, 4}, 1, 1, 7);
  const auto refused = [&](Failure failure, const std::string& reason, const AisSettings& settings) {
    expect_error(failure, {reason}, [&] { (void)forward(rbm, settings); });
    if (settings.chains > 0) expect_error(failure, {reason}, [&] { (void)reverse(rbm, settings, 3); });
  };
  refused(Failure::usage, "chains = 0", {.chains = 0, .temperatures = {}});
  refused(Failure::usage, "temperatures", {.temperatures = {0}});
  refused(Failure::usage, "temperatures", {.temperatures = {0, 0.5}});
  refused(Failure::usage, "temperatures", {.temperatures = {0.1, 1}});
  refused(Failure::usage, "temperatures", {.temperatures = {0, 0.6, 0.5, 1}});
  const std::vector<Real> short_bias(4);
  expect_error(Failure::usage, {"4 biases", "5 visible"},
               [&] { (void)annealed_importance_sampling(rbm, short_bias, {}, Communicator()); });
  const std::vector<Real> base_bias(5);
  const std::vector<std::uint64_t> sample(1);
  expect_error(Failure::usage, {"samples of 6", "5 visible"}, [&] {
    (void)reverse_annealed_importance_sampling(rbm, base_bias, {sample.data(), 1, 6}, {}, Communicator());
  });
  rbm.parameters()[3] = std::numeric_limits<Real>::infinity();
  refused(Failure::diverged, "not finite", {});
}

TEST(LogLikelihoodTest, IsLessTheFreeEnergyAndLogZ) {
  const LogLikelihood likelihood = log_likelihood({.mean = -250, .standard_error = 0.5}, 340, 0.1);
  EXPECT_EQ(likelihood.mean, -90);
  EXPECT_EQ(likelihood.partition_error, 0.1);
  EXPECT_EQ(likelihood.data_error, 0.5);
}

}  // namespace
}  // namespace rbmpi
