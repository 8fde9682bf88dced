#include "rbmpi/train/optimizer.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/data/shard.hpp"
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
          const MomentumStep formula{
              .gradient = {.sample_share = 1.0F / samples, .weight_cost = weight && epoch > 1 ? 0.01F : 0.0F},
              .learning_rate = epoch == 1 ? 0.2F : 0.05F,
              .momentum = epoch < 3 ? 0.5F : 0.9F};
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

/// One step over all arrays, each cut into so many pieces of whole groups of rows.
void move(Optimizer& optimizer, const ParameterLayout& layout, std::size_t pieces, const std::vector<Real>& sums,
          std::span<Real> parameters) {
  for (std::size_t array = 0; array < layout.count(); ++array) {
    for (std::size_t piece = 0; piece < pieces; ++piece) {
      const Shard rows = shard_in_groups({0, layout[array].rows}, layout[array].group, static_cast<int>(piece),
                                         static_cast<int>(pieces));
      if (rows.count == 0) continue;
      const std::size_t first = layout.offset(array, rows.first);
      optimizer.update(layout[array], first, rows.count * layout[array].columns, sums.data() + first,
                       parameters.data() + first);
    }
  }
}

/// Of a parameter of an RBM, as the options say for the first epoch.
double gradient_of(const RbmShape& shape, const TrainingOptions& options, std::size_t i, double mean,
                   double parameter) {
  const double clip = options.clip_gradient.at(1);
  const double clipped = clip > 0 ? std::clamp(mean, -clip, clip) : mean;
  if (i < shape.weights()) {
    const double sign = parameter > 0 ? 1 : parameter < 0 ? -1 : 0;
    return clipped - options.weight_cost.at(1) * parameter - options.l1.at(1) * sign;
  }
  return clipped - (i < shape.weights() + shape.visible ? options.field_cost.at(1) * parameter : 0);
}

TrainingOptions penalised(const char* optimizer) {
  TrainingOptions options;
  options.optimizer = optimizer;
  options.learning_rate = 0.01;
  options.weight_cost = 0.02;
  options.field_cost = 0.3;
  options.l1 = 0.05;
  options.clip_gradient = 0.9;
  return options;
}

TEST(RmspropTest, IsThePublishedAlgorithm) {
  constexpr RbmShape shape{35, 9};
  const ParameterLayout layout = rbm_layout(shape);
  const TrainingOptions options = penalised("rmsprop");
  Random random(1);
  Rbm rbm(shape);
  initialise_weights(rbm, 0.1, 1, 0);
  std::vector<double> expected(rbm.parameters().begin(), rbm.parameters().end());
  std::vector<double> mean_square(shape.parameters());
  Arena memory;
  const auto rmsprop = optimizer("rmsprop").make(layout, options, memory);
  for (std::uint64_t step = 1; step <= 20; ++step) {
    const std::vector<Real> sums = random.reals(shape.parameters(), -9, 9);
    rmsprop->begin_step(1, step, 1.0F / 7);
    move(*rmsprop, layout, 2, sums, rbm.parameters());
    for (std::size_t i = 0; i < shape.parameters(); ++i) {
      const double gradient = gradient_of(shape, options, i, double{sums[i]} / 7, expected[i]);
      mean_square[i] = 0.9 * mean_square[i] + 0.1 * gradient * gradient;
      expected[i] += 0.01 * gradient / (std::sqrt(mean_square[i]) + 1e-8);
      ASSERT_NEAR(rbm.parameters()[i], expected[i], 1e-5) << "step " << step << ", parameter " << i;
    }
  }
}

/// Gradients that agree, that do not, and that have nothing to do with each other; of the rate, its powers as
/// published.
TEST(CossimTest, FollowsTheProductOfSuccessiveGradientsHoweverItIsCut) {
  constexpr RbmShape shape{35, 9};
  const ParameterLayout layout = rbm_layout(shape);
  const TrainingOptions options = penalised("cossim");
  std::vector<Real> whole;
  for (const std::size_t pieces : {1U, 2U, 3U}) {
    Random random(1);
    Rbm rbm(shape);
    initialise_weights(rbm, 0.1, 1, 0);
    std::vector<double> expected(rbm.parameters().begin(), rbm.parameters().end());
    std::vector<double> last(shape.parameters());
    double factor = 1;
    double product = 0;
    Arena memory;
    const auto cossim = optimizer("cossim").make(layout, options, memory);
    std::vector<Real> sums = random.reals(shape.parameters(), -9, 9);
    int grew = 0;
    for (std::uint64_t step = 1; step <= 40; ++step) {
      if (step > 20) {
        for (Real& sum : sums) sum = -sum;
      } else if (step > 10) {
        sums = random.reals(shape.parameters(), -9, 9);
      }
      cossim->begin_step(1, step, 1.0F / 7);
      if (step > 2) {
        grew += product > 0 ? 1 : 0;
        factor *= product > 0 ? 1.002 : 0.998;
      }
      move(*cossim, layout, pieces, sums, rbm.parameters());
      product = 0;
      for (std::size_t i = 0; i < shape.parameters(); ++i) {
        const double gradient = gradient_of(shape, options, i, double{sums[i]} / 7, expected[i]);
        product += gradient * last[i];
        last[i] = gradient;
        expected[i] += 0.01 * factor * gradient;
        ASSERT_NEAR(rbm.parameters()[i], expected[i], 1e-5) << "step " << step << ", parameter " << i;
      }
    }
    EXPECT_GT(grew, 8);
    EXPECT_LT(grew, 20);
    EXPECT_NEAR(cossim->memory()[1].values[0], factor, 1e-5);
    std::vector<Real> all(rbm.parameters().begin(), rbm.parameters().end());
    for (const OptimizerMemory& remembered : cossim->memory()) {
      all.insert(all.end(), remembered.values.begin(), remembered.values.end());
    }
    if (whole.empty()) whole = all;
    EXPECT_TRUE(test::same_bits(all, whole)) << pieces << " pieces";
  }
}

TEST(CossimTest, TheRateStaysBetweenItsBounds) {
  const ParameterLayout layout({{.path = "a", .rows = 1}});
  for (const bool agree : {true, false}) {
    OptimizationOptions options;
    options.learning_rate = 1;
    Arena memory;
    const auto cossim = optimizer("cossim").make(layout, options, memory);
    std::vector<Real> parameters(1);
    for (std::uint64_t step = 1; step <= 20000; ++step) {
      cossim->begin_step(1, step, 1);
      move(*cossim, layout, 1, {agree || step % 2 == 0 ? 1.0F : -1.0F}, parameters);
    }
    EXPECT_EQ(cossim->memory()[1].values[0], agree ? 10.0F : 1e-6F);
  }
}

TEST(OptimizersTest, TheLearningRateDecaysFromEpochToEpoch) {
  const Schedule schedule = Schedule::parse("1:0.5, 3:0.1");
  EXPECT_EQ(learning_rate_at(schedule, 1, 1000), 0.1);
  EXPECT_EQ(learning_rate_at(schedule, 0.5, 1), 0.5);
  EXPECT_EQ(learning_rate_at(schedule, 0.5, 2), 0.25);
  EXPECT_EQ(learning_rate_at(schedule, 0.5, 4), 0.1 * 0.125);
  const ParameterLayout layout({{.path = "a", .rows = 1}});
  for (const char* const name : {"momentum", "adam", "rmsprop", "cossim"}) {
    OptimizationOptions options;
    options.rate_decay = 0.25;
    std::vector<Real> moved;
    for (const std::uint64_t epoch : {1U, 2U}) {
      Arena memory;
      const auto made = optimizer(name).make(layout, options, memory);
      std::vector<Real> parameters(1);
      made->begin_step(epoch, 1, 1);
      move(*made, layout, 1, {0.5F}, parameters);
      moved.push_back(parameters[0]);
    }
    EXPECT_EQ(moved[1], moved[0] / 4) << name;
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
      EXPECT_EQ(remembered.values.size(), remembered.rows == 0 ? blocks.size() : remembered.rows * remembered.columns);
      EXPECT_THAT(remembered.values, testing::Each(0.0F));
    }
  }
  test::expect_error(Failure::usage, {"optimizer = adagrad", "momentum", "adam"}, [] { (void)optimizer("adagrad"); });
}

}  // namespace
}  // namespace rbmpi
