#include "rbmpi/data/sequence_weights.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/threads.hpp"
#include "support/expect_error.hpp"
#include "support/numbers.hpp"

namespace rbmpi {
namespace {

class SequenceWeightsTest : public testing::Test {
 protected:
  static ConstLettersView view(const std::string& letters, std::size_t sites) {
    return {reinterpret_cast<const std::uint8_t*>(letters.data()), letters.size() / sites, sites};
  }
  static SequenceSource source(ConstLettersView sequences) {
    return {sequences.rows, sequences.columns, [=](std::uint64_t first, std::uint64_t count, std::uint8_t* letters) {
              std::copy_n(sequences.row(first), count * sequences.columns, letters);
            }};
  }
  [[nodiscard]] SequenceWeights weigh(ConstLettersView sequences, NeighbourRule rule, int ranks_per_node = 0) const {
    return weigh_sequences(source(sequences), rule, world_, world_.split_by_node(ranks_per_node));
  }

  Communicator world_ = Communicator::world();
};

/// Families: relatives of an ancestor each, one behind the other.
std::string families(std::size_t rows, std::size_t sites, test::Random& random) {
  std::string letters(rows * sites, '-');
  for (std::size_t i = 0; i < rows; ++i) {
    const bool ancestor = i == 0 || random.below(20) == 0;
    const double changed = ancestor ? 1 : random.uniform(0, 0.4);
    for (std::size_t s = 0; s < sites; ++s) {
      const bool change = random.uniform() < changed;
      letters[i * sites + s] = change ? static_cast<char>('A' + random.below(4)) : letters[(i - 1) * sites + s];
    }
  }
  return letters;
}

std::vector<std::int64_t> plain_neighbours(ConstLettersView sequences, NeighbourRule rule) {
  std::vector<std::int64_t> neighbours(sequences.rows);
  for (std::size_t i = 0; i < sequences.rows; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      std::size_t equal = 0;
      for (std::size_t s = 0; s < sequences.columns; ++s) equal += sequences.row(i)[s] == sequences.row(j)[s] ? 1U : 0U;
      const double identity = static_cast<double>(equal) / static_cast<double>(sequences.columns);
      if (rule.above ? identity <= rule.identity : identity < rule.identity) continue;
      ++neighbours[i];
      if (j != i) ++neighbours[j];
    }
  }
  return neighbours;
}

TEST_F(SequenceWeightsTest, AreThoseByHand) {
  // Gaps are letters: the last two are equal in three of five sites, two of them gaps.
  const std::string letters =
      "ACDEF"
      "ACDEF"
      "ACDEG"
      "WC--G"
      "YV--G";
  const SequenceWeights least = weigh(view(letters, 5), {.identity = 0.8});
  EXPECT_THAT(least.neighbours, testing::ElementsAre(3, 3, 3, 1, 1));
  EXPECT_THAT(least.weights(), testing::ElementsAre(1.0F / 3, 1.0F / 3, 1.0F / 3, 1.0F, 1.0F));
  EXPECT_EQ(least.effective_sequences(), 1.0 / 3 + 1.0 / 3 + 1.0 / 3 + 1 + 1);
  EXPECT_THAT(weigh(view(letters, 5), {.identity = 0.8, .above = true}).neighbours,
              testing::ElementsAre(2, 2, 1, 1, 1));
  EXPECT_THAT(weigh(view(letters, 5), {.identity = 0.6}).neighbours, testing::ElementsAre(3, 3, 3, 2, 2));
  EXPECT_THAT(weigh(view(letters, 5), {.identity = 1}).neighbours, testing::ElementsAre(2, 2, 1, 1, 1));
  EXPECT_THAT(weigh(view(letters, 5), {.identity = 0}).neighbours, testing::Each(5));
  EXPECT_THAT(weigh(view(letters, 5), {.identity = 0, .above = true}).neighbours, testing::ElementsAre(4, 4, 5, 5, 3));
  EXPECT_THAT(weigh(view("A", 1), {}).neighbours, testing::ElementsAre(1));
}

TEST_F(SequenceWeightsTest, AreThoseOfPlainLoopsOnAnyLayout) {
  test::Random random(1);
  // Tiles that are full or not, odd and even numbers of them, and more than one part of the work for each.
  for (const std::size_t rows : {2U, 63U, 64U, 65U, 150U, 2240U}) {
    constexpr std::size_t sites = 15;
    const std::string letters = families(rows, sites, random);
    const ConstLettersView sequences = view(letters, sites);
    for (const NeighbourRule rule : {NeighbourRule{0.8, false}, NeighbourRule{0.8, true}, NeighbourRule{0.3, false}}) {
      const std::vector<std::int64_t> expected = plain_neighbours(sequences, rule);
      for (const int threads : {1, 3}) {
        use_threads(threads);
        for (const int ranks_per_node : {0, 1, 2}) {
          ASSERT_EQ(weigh(sequences, rule, ranks_per_node).neighbours, expected) << rows << " rows";
        }
      }
      use_threads(1);
    }
  }
}

TEST_F(SequenceWeightsTest, TellHowMuchIsDone) {
  const std::string letters(1000, 'A');
  std::vector<double> done;
  const SequenceWeights weights = weigh_sequences(source(view(letters, 1)), {}, world_, world_.split_by_node(0),
                                                  [&](double part) { done.push_back(part); });
  EXPECT_THAT(weights.neighbours, testing::Each(1000));
  EXPECT_TRUE(std::ranges::is_sorted(done));
  EXPECT_THAT(done, testing::Each(testing::AllOf(testing::Ge(0), testing::Le(1))));
  EXPECT_EQ(done.back(), 1);
}

TEST_F(SequenceWeightsTest, EndAfterASignal) {
  const std::string letters = "ACDEF";
  stop_at(std::chrono::steady_clock::now());
  test::expect_error(Failure::interrupted, {"comparing sequences"}, [&] { (void)weigh(view(letters, 1), {}); });
  stop_at_no_time();
}

TEST_F(SequenceWeightsTest, WhatTheRootCannotReadIsAFailureOfAll) {
  SequenceSource sequences = source(view("ACDEF", 1));
  sequences.read = [](std::uint64_t, std::uint64_t, std::uint8_t*) { throw Error(Failure::file, "no such file"); };
  test::expect_error(Failure::file, {"no such file"},
                     [&] { (void)weigh_sequences(sequences, {}, world_, world_.split_by_node(0)); });
}

TEST_F(SequenceWeightsTest, SequencesOfManyBlocks) {
  test::Random random(2);
  constexpr std::size_t sites = 150'000;  // a block of 16 MiB has one tile of them
  const std::string letters = families(130, sites, random);
  EXPECT_EQ(weigh(view(letters, sites), {}).neighbours, plain_neighbours(view(letters, sites), {}));
}

TEST_F(SequenceWeightsTest, WhatCannotBeComparedIsRefused) {
  const std::string letters = "ACDEF";
  test::expect_error(Failure::usage, {"identity of 1.5", "from 0 to 1"},
                     [&] { (void)weigh(view(letters, 5), {.identity = 1.5}); });
  test::expect_error(Failure::usage, {"0 sequences of 5 sites"}, [&] { (void)weigh({nullptr, 0, 5}, {}); });
  test::expect_error(Failure::usage, {"1 sequences of 0 sites"}, [&] { (void)weigh({nullptr, 1, 0}, {}); });
  test::expect_error(Failure::usage, {"3000000000 sequences", "to 2147483648"}, [&] {
    (void)weigh({nullptr, 3'000'000'000, 1}, {});
  });
  test::expect_error(Failure::other, {"not enough memory", "2000000000 sequences", "on each node"}, [&] {
    (void)weigh({nullptr, 2'000'000'000, 2'000'000'000}, {});
  });
}

}  // namespace
}  // namespace rbmpi
