// Chains and features that are shared out over the ranks are those of one rank alone, bit for bit.

#include "rbmpi/evaluate/gibbs_chains.hpp"

#include <span>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "rbmpi/evaluate/hidden_features.hpp"
#include "rbmpi/evaluate/stack_samples.hpp"
#include "support/expect_error.hpp"
#include "support/random_samples.hpp"
#include "support/toy_unit.hpp"

namespace rbmpi {
namespace {

Rbm random_rbm(RbmShape shape) {
  test::Random random(1);
  Rbm rbm(shape);
  for (Real& parameter : rbm.parameters()) parameter = static_cast<Real>(random.bell() / 2);
  return rbm;
}

struct Records {
  std::vector<std::uint64_t> words;
  std::vector<Real> numbers;
  std::vector<Real> probabilities;
};

/// What the root takes; nothing on the others. Of a stack, lowest layer first.
Records chains(std::span<const RbmView<const Real>> layers, const ChainStart& start, std::uint64_t count,
               const Communicator& world) {
  Records all;
  const GibbsSettings settings{
      .chains = count, .steps = 50, .every = 25, .start_too = true, .probabilities = true, .seed = 9};
  sample_stack(layers, start, settings, world, [&](const ChainRecord& record) {
    const ConstBitMatrixView states = record.states;
    all.words.insert(all.words.end(), states.words, states.words + states.rows * states.row_words());
    all.numbers.insert(all.numbers.end(), record.numbers.values, record.numbers.values + record.numbers.size());
    all.probabilities.insert(all.probabilities.end(), record.probabilities.values,
                             record.probabilities.values + record.probabilities.size());
  });
  return all;
}
Records chains(const Rbm& rbm, const ChainStart& start, std::uint64_t count, const Communicator& world) {
  const RbmView<const Real> layer = rbm;
  return chains(std::span(&layer, 1), start, count, world);
}

TEST(GibbsChainsOnRanksTest, SamplesOfStacksAreThoseOfOneRankAlone) {
  use_threads(1);
  const Communicator world = Communicator::world();
  const test::RandomSamples samples(ElementType::float32, 13, 45);
  for (const UnitEntry* const unit : {&bernoulli_unit, &test::toy_unit()}) {  // as bits, and as numbers
    const Rbm lowest = random_rbm({70, 20, unit, &bernoulli_unit});
    const Rbm middle = random_rbm({20, 33});
    const Rbm highest = random_rbm({45, 20});  // with units for labels
    const std::vector<RbmView<const Real>> layers = {lowest, middle, highest};
    for (const ChainStart& start : {ChainStart{}, ChainStart{samples.view(), 4, {}}}) {
      for (const std::uint64_t count : {std::uint64_t{2}, std::uint64_t{151}}) {  // fewer than ranks, and more
        const Records shared = chains(layers, start, count, world);
        const Records alone = chains(layers, start, count, Communicator());
        if (!world.is_root()) continue;
        EXPECT_EQ(shared.words.size(), unit->logistic ? 3 * count * 2 : 0);
        EXPECT_EQ(shared.numbers.size(), unit->logistic ? 0 : 3 * count * 70);
        EXPECT_EQ(shared.words, alone.words);
        EXPECT_TRUE(test::same_bits(shared.numbers, alone.numbers));
        EXPECT_TRUE(test::same_bits(shared.probabilities, alone.probabilities));
      }
    }
  }
}

TEST(GibbsChainsOnRanksTest, ChainsAreThoseOfOneRankAlone) {
  use_threads(1);
  const Communicator world = Communicator::world();
  const test::RandomSamples samples(ElementType::float32, 13, 70);
  std::vector<bool> clamped(70);
  for (std::size_t i = 0; i < 70; i += 3) clamped[i] = true;
  for (const UnitEntry* const unit : {&bernoulli_unit, &test::toy_unit()}) {  // as bits, and as numbers
    const Rbm rbm = random_rbm({70, 20, unit, &bernoulli_unit});
    for (const ChainStart& start :
         {ChainStart{}, ChainStart{samples.view(), 4, {}}, ChainStart{samples.view(), 4, clamped}}) {
      for (const std::uint64_t count : {std::uint64_t{2}, std::uint64_t{151}}) {  // fewer than ranks, and more
        const Records shared = chains(rbm, start, count, world);
        const Records alone = chains(rbm, start, count, Communicator());
        EXPECT_EQ(shared.words.empty(), !world.is_root() || !unit->logistic);
        EXPECT_EQ(shared.numbers.empty(), !world.is_root() || unit->logistic);
        if (!world.is_root()) continue;
        EXPECT_EQ(shared.words, alone.words);
        EXPECT_TRUE(test::same_bits(shared.numbers, alone.numbers));
        EXPECT_TRUE(test::same_bits(shared.probabilities, alone.probabilities));
      }
    }
  }
}

TEST(GibbsChainsOnRanksTest, AFailureOfTheRootIsOneOfAllRanks) {
  use_threads(1);
  const Communicator world = Communicator::world();
  test::expect_error(Failure::file, {"disk full"}, [&] {
    run_gibbs_chains(random_rbm({4, 3}), {}, {.chains = 10, .steps = 10, .every = 1}, world,
                     [](const ChainRecord&) { throw Error(Failure::file, "disk full"); });
  });
}

TEST(HiddenFeaturesOnRanksTest, FeaturesAreThoseOfOneRankAlone) {
  use_threads(1);
  const Communicator world = Communicator::world();
  const Rbm rbm = random_rbm({70, 20});
  for (const std::uint64_t rows : {std::uint64_t{2}, std::uint64_t{700}}) {
    const test::RandomSamples samples(ElementType::float64, rows, 70);
    for (const bool sample : {false, true}) {
      const auto features = [&](const Communicator& ranks) {
        std::vector<Real> all;
        hidden_features(rbm, samples.view(), {.sample = sample}, ranks, [&](std::uint64_t, ConstMatrixView piece) {
          all.insert(all.end(), piece.values, piece.values + piece.size());
        });
        return all;
      };
      const std::vector<Real> shared = features(world);
      EXPECT_EQ(shared.size(), world.is_root() ? rows * 20 : 0);
      if (!world.is_root()) continue;
      EXPECT_TRUE(test::same_bits(shared, features(Communicator())));
    }
  }
}

}  // namespace
}  // namespace rbmpi
