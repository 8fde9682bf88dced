// Annealed importance sampling of random machines so small that log Z, and samples of the machine, can be had exactly.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "rbmpi/evaluate/annealed_importance_sampling.hpp"
#include "rbmpi/evaluate/exact_partition.hpp"
#include "rbmpi/evaluate/temperatures.hpp"
#include "support/random_rbm.hpp"

namespace rbmpi {
namespace {

/// Independent samples of a machine of fewer than 64 visible units, from the probabilities of all states.
std::vector<std::uint64_t> exact_samples(const Rbm& rbm, double log_z, std::size_t count, test::Random& random) {
  const RbmShape shape = rbm.shape();
  const RbmView<const Real> p = rbm.view();
  std::vector<double> cumulative;
  double total = 0;
  for (std::uint64_t state = 0; state < std::uint64_t{1} << shape.visible; ++state) {
    double energy = 0;
    std::vector<double> fields(p.hidden_bias.begin(), p.hidden_bias.end());
    for (std::size_t i = 0; i < shape.visible; ++i) {
      if ((state >> i & 1U) == 0) continue;
      energy -= double{p.visible_bias[i]};
      for (std::size_t j = 0; j < shape.hidden; ++j) fields[j] += double{p.weights.row(i)[j]};
    }
    for (const double field : fields) energy -= std::log1p(std::exp(field));
    total += std::exp(-energy - log_z);
    cumulative.push_back(total);
  }
  EXPECT_NEAR(total, 1, 1e-9);
  std::vector<std::uint64_t> samples(count);
  for (std::uint64_t& sample : samples) {
    const auto found = std::ranges::upper_bound(cumulative, random.uniform() * total);
    sample = static_cast<std::uint64_t>(found - cumulative.begin());
  }
  return samples;
}

/// A number and how far it may be from the mean of all that could be.
struct Mean {
  double mean = 0;
  double standard_error = 0;
};
Mean mean_of(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value;
  const double mean = sum / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, std::sqrt(squares / (count - 1) / count)};
}

TEST(LogPartitionTest, EstimatesAreWithinThreeOfTheirStandardErrors) {
  use_threads(2);
  constexpr int models = 100;
  test::Random random(1);
  AisSettings settings{.chains = 200, .temperatures = parse_temperatures("200")};
  int within = 0;
  std::vector<double> standard_errors;
  for (int model = 0; model < models; ++model) {
    const RbmShape shape{10 + random.below(21), 8 + random.below(13)};
    const Rbm rbm = test::random_rbm(shape, random.uniform(0.1, 0.8), 1, settings.seed++);
    const std::vector<Real> base_bias(shape.visible);
    const LogPartition estimate = annealed_importance_sampling(rbm, base_bias, settings, Communicator());
    const double error = estimate.log_z - exact_log_partition(rbm, Communicator());
    standard_errors.push_back(estimate.standard_error);
    if (std::abs(error) <= 3 * estimate.standard_error) ++within;
  }
  use_threads(1);
  EXPECT_GE(within, 99) << "of " << models;
  EXPECT_LT(std::ranges::max(standard_errors), 0.2) << "so that the bound means something";
}

TEST(LogPartitionTest, TheTruthIsBetweenForwardAndReverseOnAverage) {
  constexpr int models = 400;
  constexpr std::size_t chains = 4;
  test::Random random(2);
  AisSettings settings{.chains = chains, .temperatures = parse_temperatures("5")};  // few, so that bounds are not tight
  std::vector<double> forward;
  std::vector<double> reverse;
  for (int model = 0; model < models; ++model) {
    const RbmShape shape{8 + random.below(4), 8 + random.below(13)};
    const Rbm rbm = test::random_rbm(shape, 0.8, 1, ++settings.seed);
    const std::vector<Real> base_bias(shape.visible);
    const double log_z = exact_log_partition(rbm, Communicator());
    const std::vector<std::uint64_t> samples = exact_samples(rbm, log_z, chains, random);
    forward.push_back(annealed_importance_sampling(rbm, base_bias, settings, Communicator()).log_z - log_z);
    reverse.push_back(reverse_annealed_importance_sampling(rbm, base_bias, {samples.data(), chains, shape.visible},
                                                           settings, Communicator())
                          .log_z -
                      log_z);
  }
  const Mean below = mean_of(forward);
  const Mean above = mean_of(reverse);
  EXPECT_LT(below.mean, -4 * below.standard_error);
  EXPECT_GT(above.mean, 4 * above.standard_error);
}

TEST(LogPartitionTest, MeanWeightsOfBothDirectionsAreUnbiased) {
  // Whatever the schedule: here three steps, far too few, but for the number of chains.
  const Rbm rbm = test::random_rbm({10, 8}, 0.8, 1, 3);
  const double log_z = exact_log_partition(rbm, Communicator());
  const std::vector<Real> base_bias(10, 0.3F);
  constexpr std::size_t chains = 100000;
  const AisSettings settings{.chains = chains, .temperatures = parse_temperatures("0.5:1,1:2"), .seed = 4};
  test::Random random(5);
  const std::vector<std::uint64_t> samples = exact_samples(rbm, log_z, chains, random);
  const LogPartition forward = annealed_importance_sampling(rbm, base_bias, settings, Communicator());
  const LogPartition reverse =
      reverse_annealed_importance_sampling(rbm, base_bias, {samples.data(), chains, 10}, settings, Communicator());
  for (const LogPartition& estimate : {forward, reverse}) {
    EXPECT_NEAR(estimate.log_z, log_z, 3 * estimate.standard_error);
    EXPECT_LT(estimate.standard_error, 0.02);
  }
}

}  // namespace
}  // namespace rbmpi
