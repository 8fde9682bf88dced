#include "rbmpi/evaluate/exact_partition.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "rbmpi/core/threads.hpp"
#include "support/expect_error.hpp"
#include "support/random_rbm.hpp"

namespace rbmpi {
namespace {

using test::expect_error;
using test::plain_log_partition;
using test::random_rbm;

// 520 units do not fit a piece of 512; 12 bits are more than one block.
constexpr RbmShape shapes[] = {{1, 1},  {2, 1},  {1, 3},   {3, 3},   {4, 7},   {9, 8},   {8, 9},   {10, 10},
                               {7, 64}, {16, 5}, {12, 12}, {520, 4}, {3, 520}, {13, 65}, {100, 11}};

TEST(ExactPartitionTest, EqualsPlainSumsOverEitherSide) {
  std::uint64_t seed = 1;
  for (const RbmShape shape : shapes) {
    for (const double size : {0.1, 1.0, 10.0, 100.0, 1000.0}) {  // beyond 80 / 10 the blocks have fewer low bits
      SCOPED_TRACE(testing::Message() << shape.visible << " x " << shape.hidden << ", weights " << size);
      const Rbm rbm = random_rbm(shape, size, size, seed++);
      const double log_z = exact_log_partition(rbm, Communicator());
      const double tolerance = 1e-12 * std::max(1.0, std::abs(log_z));
      if (shape.visible < 14) {
        EXPECT_NEAR(log_z, plain_log_partition(rbm, true), tolerance);
      }
      if (shape.hidden < 14) {
        EXPECT_NEAR(log_z, plain_log_partition(rbm, false), tolerance);
      }
    }
  }
}

TEST(ExactPartitionTest, EveryInstructionSetAgrees) {
  const Rbm rbm = random_rbm({100, 12}, 1, 1, 1);
  const double log_z = exact_log_partition(rbm, Communicator());
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    EXPECT_NEAR(exact_log_partition(rbm, Communicator()), log_z, 1e-12 * log_z) << hwy::TargetName(target);
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST(ExactPartitionTest, WithoutParametersEveryStateCountsOnce) {
  const Rbm rbm({30, 17});
  EXPECT_NEAR(exact_log_partition(rbm, Communicator()), 47 * std::numbers::ln2, 1e-12);
}

TEST(ExactPartitionTest, IsTheSameOnAnyNumberOfThreads) {
  const Rbm rbm = random_rbm({40, 15}, 1, 1, 5);
  const double log_z = exact_log_partition(rbm, Communicator());
  for (const int threads : {2, 3}) {
    use_threads(threads);
    EXPECT_EQ(exact_log_partition(rbm, Communicator()), log_z) << threads << " threads";
  }
  use_threads(1);
}

TEST(ExactPartitionTest, SaysHowFarItIs) {
  std::vector<double> reports;
  (void)exact_log_partition(random_rbm({40, 13}, 1, 1, 6), Communicator(),
                            [&](double done) { reports.push_back(done); });
  ASSERT_FALSE(reports.empty());
  EXPECT_TRUE(std::ranges::is_sorted(reports));
  EXPECT_GT(reports.front(), 0);
  EXPECT_EQ(reports.back(), 1);
}

TEST(ExactPartitionTest, EstimatesItsTime) {
  const double seconds = enumeration_seconds(random_rbm({784, 20}, 0.01, 1, 6), 1);
  EXPECT_GT(seconds, 0);
  EXPECT_NEAR(enumeration_seconds(random_rbm({784, 25}, 0.01, 1, 6), 4) / seconds, 8, 7);
  // Large weights leave fewer states to a block, whose first fields are computed afresh: that takes much longer.
  EXPECT_GT(enumeration_seconds(random_rbm({784, 20}, 50, 1, 6), 1), 3 * seconds);
}

TEST(ExactPartitionTest, LargeModelsAreRefused) {
  expect_error(Failure::usage, {"26 visible", "30 hidden", "25 units"}, [] {
    (void)exact_log_partition(Rbm({26, 30}), Communicator());
  });
}

TEST(ExactPartitionTest, ParametersThatAreNotFiniteAreRefused) {
  Rbm rbm({5, 4});
  rbm.parameters()[7] = std::numeric_limits<Real>::quiet_NaN();
  expect_error(Failure::diverged, {"not finite"}, [&] { (void)exact_log_partition(rbm, Communicator()); });
}

}  // namespace
}  // namespace rbmpi
