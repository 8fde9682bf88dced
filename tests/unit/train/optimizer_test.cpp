#include "rbmpi/train/optimizer.hpp"

#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/train/trainer.hpp"
#include "support/expect_error.hpp"
#include "support/numbers.hpp"
#include "support/scalar_kernels.hpp"

namespace rbmpi {
namespace {

using test::Random;

TEST(MomentumTest, IsTheFormulaStepByStep) {
  constexpr RbmShape shape{13, 9};
  const ParameterLayout blocks = rbm_layout(shape);
  TrainingOptions options;
  options.learning_rate = Schedule::parse("1:0.2, 2:0.05");
  options.momentum = Schedule::parse("1:0.5, 3:0.9");
  options.weight_cost = Schedule::parse("1:0, 2:0.01");
  constexpr std::uint64_t samples = 7;
  for (const std::size_t pieces : {1U, 2U, 5U}) {
    Random random(1);
    Rbm rbm(shape);
    initialise_weights(rbm, 0.1, 1, 0);
    std::vector<Real> expected(rbm.parameters().begin(), rbm.parameters().end());
    std::vector<Real> velocity(shape.parameters());
    Arena memory;
    const auto momentum = optimizer("momentum").make(blocks, options, memory);

    for (std::uint64_t epoch = 1; epoch <= 4; ++epoch) {
      for (int step = 0; step < 3; ++step) {
        const std::vector<Real> gradient = random.reals(shape.parameters(), -9, 9);
        momentum->begin_step(epoch, 1, 1.0F / samples);
        for (std::size_t block = 0; block < blocks.count(); ++block) {
          for (std::size_t piece = 0; piece < pieces; ++piece) {
            const std::size_t begin = piece * blocks[block].size() / pieces;
            const std::size_t count = (piece + 1) * blocks[block].size() / pieces - begin;
            const std::size_t first = blocks.offset(block) + begin;
            momentum->update(blocks[block], first, count, gradient.data() + first, rbm.parameters().data() + first);
          }
        }

        for (std::size_t i = 0; i < shape.parameters(); ++i) {
          const bool weight = i < shape.weights();
          const MomentumStep formula{.sample_share = 1.0F / samples,
                                     .learning_rate = epoch == 1 ? 0.2F : 0.05F,
                                     .momentum = epoch < 3 ? 0.5F : 0.9F,
                                     .weight_cost = weight && epoch > 1 ? 0.01F : 0.0F};
          test::momentum_update(formula, gradient[i], velocity[i], expected[i]);
        }
        ASSERT_TRUE(test::same_bits(std::span<const Real>(rbm.parameters()), std::span<const Real>(expected)))
            << "epoch " << epoch << ", " << pieces << " pieces";
      }
    }
  }
}

/// Against the algorithm as it is published, in double precision: moments, their corrections, and the step.
TEST(AdamTest, IsThePublishedAlgorithm) {
  constexpr RbmShape shape{13, 9};
  const ParameterLayout blocks = rbm_layout(shape);
  TrainingOptions options;
  options.optimizer = "adam";
  options.learning_rate = Schedule::parse("1:0.01, 2:0.002");
  options.momentum = Schedule::parse("0.9");
  options.weight_cost = Schedule::parse("0.01");
  constexpr std::uint64_t samples = 7;
  Random random(1);
  Rbm rbm(shape);
  initialise_weights(rbm, 0.1, 1, 0);
  std::vector<double> expected(rbm.parameters().begin(), rbm.parameters().end());
  std::vector<double> first(shape.parameters());
  std::vector<double> second(shape.parameters());
  Arena memory;
  const auto adam = optimizer("adam").make(blocks, options, memory);

  for (std::uint64_t step = 1; step <= 20; ++step) {
    const std::uint64_t epoch = 1 + step / 11;
    const std::vector<Real> sums = random.reals(shape.parameters(), -9, 9);
    adam->begin_step(epoch, step, 1.0F / samples);
    for (std::size_t block = 0; block < blocks.count(); ++block) {
      const std::size_t begin = blocks.offset(block);
      adam->update(blocks[block], begin, blocks[block].size(), sums.data() + begin, rbm.parameters().data() + begin);
    }
    for (std::size_t i = 0; i < shape.parameters(); ++i) {
      const double cost = i < shape.weights() ? 0.01 * expected[i] : 0;
      const double gradient = static_cast<double>(sums[i]) / samples - cost;
      first[i] = 0.9 * first[i] + 0.1 * gradient;
      second[i] = 0.999 * second[i] + 0.001 * gradient * gradient;
      const double mean = first[i] / (1 - std::pow(0.9, step));
      const double square = second[i] / (1 - std::pow(0.999, step));
      expected[i] += (epoch == 1 ? 0.01 : 0.002) * mean / (std::sqrt(square) + 1e-8);
      ASSERT_NEAR(rbm.parameters()[i], expected[i], 1e-5) << "step " << step << ", parameter " << i;
    }
  }
}

TEST(OptimizersTest, AGentlerLearningRateIsUsualForTheOptimizerAtMost) {
  EXPECT_EQ(gentler_learning_rate(optimizer("momentum"), 1e30, 0), 0.1);
  EXPECT_EQ(gentler_learning_rate(optimizer("adam"), 1e30, 0), 0.001);
  EXPECT_EQ(gentler_learning_rate(optimizer("momentum"), 0.5, 0), 0.05);
  EXPECT_EQ(gentler_learning_rate(optimizer("adam"), 0.005, 0), 0.0005);
  EXPECT_EQ(gentler_learning_rate(optimizer("momentum"), 1e30, 100), 0.001);
}

TEST(OptimizersTest, EveryRowOfTheTableIsWhole) {
  const ParameterLayout blocks = rbm_layout({4, 3});
  ASSERT_FALSE(optimizers().empty());
  for (const OptimizerEntry& entry : optimizers()) {
    EXPECT_EQ(&optimizer(entry.name), &entry);
    EXPECT_STRNE(entry.summary, "");
    EXPECT_GT(entry.usual_learning_rate, 0);
    TrainingOptions options;
    options.optimizer = entry.name;
    Arena memory;
    const auto made = entry.make(blocks, options, memory);
    for (const OptimizerMemory& remembered : made->memory()) {
      EXPECT_EQ(remembered.values.size(), blocks.size());
      EXPECT_THAT(remembered.values, testing::Each(0.0F));
    }
  }
  test::expect_error(Failure::usage, {"optimizer = adagrad", "momentum", "adam"}, [] { (void)optimizer("adagrad"); });
}

}  // namespace
}  // namespace rbmpi
