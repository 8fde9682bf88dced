#include "rbmpi/train/optimizer.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "support/expect_error.hpp"
#include "support/numbers.hpp"
#include "support/scalar_kernels.hpp"

namespace rbmpi {
namespace {

using test::Random;

TEST(MomentumTest, IsTheFormulaStepByStep) {
  constexpr RbmShape shape{13, 9};
  TrainingOptions options;
  options.learning_rate = Schedule::parse("1:0.2, 2:0.05");
  options.momentum = Schedule::parse("1:0.5, 3:0.9");
  options.weight_cost = Schedule::parse("1:0, 2:0.01");
  constexpr std::uint64_t samples = 7;
  for (const int threads : {1, 2, 5}) {
    use_threads(threads);
    Random random(1);
    Rbm rbm(shape);
    initialise_weights(rbm, 0.1, 1, 0);
    std::vector<Real> expected(rbm.parameters().begin(), rbm.parameters().end());
    std::vector<Real> velocity(shape.parameters());
    const auto momentum = optimizer("momentum").make(shape, options);
    GradientSums sums(shape.parameters(), false);

    for (std::uint64_t epoch = 1; epoch <= 4; ++epoch) {
      for (int step = 0; step < 3; ++step) {
        const std::vector<Real> gradient = random.reals(shape.parameters(), -9, 9);
        sums.clear();
        std::copy(gradient.begin(), gradient.end(), sums.gradient().begin());
        sums.add_samples(samples);
        sums.exchange(Communicator());
        momentum->update(rbm, sums, epoch);

        for (std::size_t i = 0; i < shape.parameters(); ++i) {
          const bool weight = i < shape.weights();
          const MomentumStep formula{.sample_share = 1.0F / samples,
                                     .learning_rate = epoch == 1 ? 0.2F : 0.05F,
                                     .momentum = epoch < 3 ? 0.5F : 0.9F,
                                     .weight_cost = weight && epoch > 1 ? 0.01F : 0.0F};
          test::momentum_update(formula, gradient[i], velocity[i], expected[i]);
        }
        ASSERT_TRUE(test::same_bits(std::span<const Real>(rbm.parameters()), std::span<const Real>(expected)))
            << "epoch " << epoch << ", " << threads << " threads";
      }
    }
  }
  use_threads(1);
}

TEST(OptimizersTest, EveryRowOfTheTableIsWhole) {
  constexpr RbmShape shape{4, 3};
  ASSERT_FALSE(optimizers().empty());
  for (const OptimizerEntry& entry : optimizers()) {
    EXPECT_EQ(&optimizer(entry.name), &entry);
    EXPECT_STRNE(entry.summary, "");
    EXPECT_NE(entry.make(shape, TrainingOptions()), nullptr);
    EXPECT_GE(entry.memory(shape), shape.parameters() * sizeof(Real));
  }
  test::expect_error(Failure::usage, {"optimizer = adam", "momentum"}, [] { (void)optimizer("adam"); });
}

}  // namespace
}  // namespace rbmpi
