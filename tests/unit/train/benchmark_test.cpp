#include "rbmpi/train/benchmark.hpp"

#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/error.hpp"
#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

using test::expect_error;

TEST(BenchmarkTest, QuartilesAreThoseOfTheSortedValues) {
  const Quartiles five = quartiles({50, 10, 40, 20, 30});
  EXPECT_EQ(five.low, 20);
  EXPECT_EQ(five.median, 30);
  EXPECT_EQ(five.high, 40);
  const Quartiles one = quartiles({7});
  EXPECT_EQ(one.low, 7);
  EXPECT_EQ(one.median, 7);
  EXPECT_EQ(one.high, 7);
}

BenchmarkResult two_ranks() {
  BenchmarkResult result{.shape = {784, 300}, .batch_size = 100, .chains = 100, .ranks = 2, .exchange_bytes = 1000000};
  result.all.step.median = 1e-3;
  result.all.floor.median = 2e-3;
  result.all.phases[static_cast<std::size_t>(TimePhase::exchange)] = 1e-4;
  result.one_rank = LayoutTimes{};
  result.one_rank->step.median = 1.9e-3;
  return result;
}

TEST(BenchmarkTest, FiguresFollowFromTheTimes) {
  const BenchmarkResult result = two_ranks();
  EXPECT_DOUBLE_EQ(result.all.ratio(), 0.5);
  EXPECT_DOUBLE_EQ(result.samples_per_second(), 1e5);
  EXPECT_DOUBLE_EQ(result.gcups(), 23.52);
  EXPECT_DOUBLE_EQ(result.gflops_of_floor(), 117.6);
  EXPECT_DOUBLE_EQ(result.exchange_gigabytes_per_second().value(), 10);
  EXPECT_DOUBLE_EQ(result.speedup().value(), 1.9);
  EXPECT_DOUBLE_EQ(result.efficiency().value(), 0.95);
}

TEST(BenchmarkTest, TheProductsOfAStepAreThoseOfItsRowsAndOfItsChains) {
  BenchmarkResult result = two_ranks();
  result.chains = 500;
  result.sweeps = 3;
  // Rows up and their gradient; chains three times down and up, and their gradient.
  EXPECT_DOUBLE_EQ(result.gflops_of_floor(), 2e-9 * 784 * 300 * (2 * 100 + 7 * 500) / 2e-3);
  const SweepTimes sweep{.sweeps = 3, .sweep = {.median = 1e-3}, .floor = {.median = 4e-3}};
  EXPECT_DOUBLE_EQ(sweep.ratio(), 0.25);
}

TEST(BenchmarkTest, OneRankHasNoExchangeAndNoEfficiency) {
  BenchmarkResult result = two_ranks();
  result.ranks = 1;
  result.exchange_bytes = 0;
  result.one_rank.reset();
  EXPECT_FALSE(result.exchange_gigabytes_per_second());
  EXPECT_FALSE(result.speedup());
  EXPECT_FALSE(result.efficiency());
}

TEST(BenchmarkTest, ADifferentDigestIsAnErrorThatNamesTheRuns) {
  std::vector<DigestOfRun> runs = {{"2 ranks", "aa"}, {"1 rank", "aa"}, {"the reference", "aa"}};
  check_same_digest(runs, 42);
  check_same_digest({}, 42);
  runs[2].digest = "bb";
  expect_error(Failure::other, {"after 42 steps", "2 ranks has the digest aa", "the reference has bb"},
               [&] { check_same_digest(runs, 42); });
}

TEST(BenchmarkTest, OptionsThatCannotBeAreRefused) {
  check_options(BenchmarkOptions{});
  const auto expect_refused = [](const char* fragment, const auto& change) {
    BenchmarkOptions options;
    change(options);
    expect_error(Failure::usage, {fragment}, [&] { check_options(options); });
  };
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  expect_refused("estimator = x", [](BenchmarkOptions& o) { o.training.estimator = "x"; });
  expect_refused("chains = 5", [](BenchmarkOptions& o) { o.training.chains = 5; });
  expect_refused("sweeps = 0", [](BenchmarkOptions& o) { o.training.sweeps = 0; });
  expect_refused("visible = 0", [](BenchmarkOptions& o) { o.visible = 0; });
  expect_refused("visible = 4194305", [](BenchmarkOptions& o) { o.visible = 4194305; });
  expect_refused("density = -0.5", [](BenchmarkOptions& o) { o.density = -0.5; });
  expect_refused("density = 1.5", [](BenchmarkOptions& o) { o.density = 1.5; });
  expect_refused("density = nan", [](BenchmarkOptions& o) { o.density = nan; });
  expect_refused("seconds = 0", [](BenchmarkOptions& o) { o.seconds = 0; });
  expect_refused("seconds = inf", [](BenchmarkOptions& o) { o.seconds = std::numeric_limits<double>::infinity(); });
  expect_refused("batch-size = 0", [](BenchmarkOptions& o) { o.training.batch_size = 0; });
}

TEST(BenchmarkTest, RowsAreWholeBatchesOfAboutTheSizeOfMnist) {
  BenchmarkOptions options;
  EXPECT_EQ(benchmark_rows(options), 42000);
  options.visible = 10;
  EXPECT_EQ(benchmark_rows(options), 51200);
  options.training.batch_size = 1000000;
  EXPECT_EQ(benchmark_rows(options), 4000000);
}

TEST(BenchmarkTest, MemoryGrowsWithTheRanksOfANodeAndIsMoreForTheRoot) {
  const BenchmarkOptions options;
  const std::uint64_t one = benchmark_memory(options, 1, 1, true);
  EXPECT_GT(one, 4 * 784 * 300 * sizeof(Real));
  EXPECT_GT(benchmark_memory(options, 2, 2, true), one);
  EXPECT_LT(benchmark_memory(options, 2, 1, false), benchmark_memory(options, 2, 1, true));
}

}  // namespace
}  // namespace rbmpi
