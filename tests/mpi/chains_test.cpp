// Gibbs chains that live on the ranks: brought together they are those of one rank alone, and go on from there on any
// other number of ranks.

#include "rbmpi/gibbs/chains.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "support/random_rbm.hpp"

namespace rbmpi {
namespace {

TEST(ChainsOnRanksTest, TheyAreThoseOfOneRankAloneAndGoOnAnywhere) {
  use_threads(1);
  const Communicator world = Communicator::world();
  const Communicator alone;
  const Rbm rbm = test::random_rbm({70, 20}, 0.5, 0.5, 1);
  const RbmView<const Real> view = rbm.view();
  const Couplings couplings(WeightRounding::one_grid, view.weights);
  const ChainModel model{.visible = view.visible_units(), .hidden = view.hidden_units()};
  for (const std::uint64_t count : {std::uint64_t{2}, std::uint64_t{151}}) {  // fewer than there are ranks, and more
    std::vector<std::uint64_t> states(count * words_for(70));
    const auto continued = [&](const Communicator& ranks, std::uint64_t first_step) {
      Arena memory;
      Chains chains(couplings, shard(count, ranks.rank(), ranks.size()), {.seed = 3}, memory);
      chains.scatter({states.data(), count, 70});
      chains.sweep(model, first_step, 4);
      std::vector<std::uint64_t> all(states.size());
      chains.gather(ranks, all);
      return all;
    };
    for (const std::uint64_t step : {std::uint64_t{0}, std::uint64_t{4}}) {
      const std::vector<std::uint64_t> shared = continued(world, step);
      EXPECT_EQ(shared, continued(alone, step));
      EXPECT_NE(shared, states);
      states = shared;
    }
  }
}

}  // namespace
}  // namespace rbmpi
