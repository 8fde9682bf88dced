#include "rbmpi/evaluate/annealed_importance_sampling.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "rbmpi/evaluate/temperatures.hpp"
#include "support/expect_error.hpp"
#include "support/random_rbm.hpp"

namespace rbmpi {
namespace {

TEST(AnnealedImportanceSamplingRanksTest, TheSameOnAnyNumberOfRanksAndThreads) {
  const Communicator world = Communicator::world();
  const Rbm rbm = test::random_rbm({90, 70}, 0.3, 1, 1);
  const std::vector<Real> base_bias(90, -0.5F);
  for (const std::size_t chains : {2UL, 37UL}) {  // also fewer than ranks
    const AisSettings settings{.chains = chains, .temperatures = parse_temperatures("20"), .gibbs_steps = 3};
    const std::vector<std::uint64_t> words(chains * words_for(90), 0x3A5A5A5U);
    const ConstBitMatrixView samples{words.data(), chains, 90};
    const auto forward = [&](const Communicator& ranks) {
      return annealed_importance_sampling(rbm, base_bias, settings, ranks);
    };
    const auto reverse = [&](const Communicator& ranks) {
      return reverse_annealed_importance_sampling(rbm, base_bias, samples, settings, ranks);
    };
    use_threads(1);
    const LogPartition alone = forward(Communicator());
    const LogPartition reverse_alone = reverse(Communicator());
    for (const int threads : {1, 2}) {
      use_threads(threads);
      const LogPartition together = forward(world);
      EXPECT_EQ(together.log_weights, alone.log_weights) << threads << " threads a rank";
      EXPECT_EQ(together.log_z, alone.log_z);
      EXPECT_EQ(together.standard_error, alone.standard_error);
      EXPECT_EQ(reverse(world).log_weights, reverse_alone.log_weights) << threads << " threads a rank";
    }
    use_threads(1);
  }
}

TEST(AnnealedImportanceSamplingRanksTest, AllRanksRefuseWhatMakesNoSense) {
  const Communicator world = Communicator::world();
  const Rbm rbm({3, 2});
  const std::vector<Real> base_bias(3);
  test::expect_error(Failure::usage, {"chains = 0"}, [&] {
    (void)annealed_importance_sampling(rbm, base_bias, {.chains = 0, .temperatures = {}}, world);
  });
}

}  // namespace
}  // namespace rbmpi
