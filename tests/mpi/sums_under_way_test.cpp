#include "rbmpi/parallel/sums_under_way.hpp"

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/core/liveness.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SumsUnderWayTest : public testing::TestWithParam<SumsBy> {
 protected:
  [[nodiscard]] SumsUnderWay sums(std::size_t most, std::size_t longest) {
    return {world_, GetParam(), most, longest, memory_};
  }
  [[nodiscard]] std::vector<float> whole_numbers(std::size_t count, std::size_t which) const {
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = static_cast<float>((which + 1) * i % 4099 + static_cast<std::size_t>(world_.rank()) + which);
    }
    return values;
  }

  Communicator world_ = Communicator::world();
  Arena memory_;
};

INSTANTIATE_TEST_SUITE_P(Ways, SumsUnderWayTest, testing::Values(SumsBy::messages, SumsBy::mpi),
                         [](const auto& test) { return test.param == SumsBy::mpi ? "Mpi" : "Messages"; });

TEST_P(SumsUnderWayTest, AreThoseOfTheBlockingSums) {
  const std::size_t sizes[] = {0, 1, 2, 3, 5, 7, 12, 63, 10007, 100000, 300001, 1000000};
  SumsUnderWay under_way = sums(std::size(sizes), 1000000 * sizeof(float));
  for (std::size_t round = 0; round < 3; ++round) {
    std::vector<std::vector<float>> values;
    for (const std::size_t size : sizes) values.push_back(whole_numbers(size, round));
    for (std::vector<float>& some : values) {
      under_way.start(std::span(some));
      under_way.progress();
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      under_way.wait();
      std::vector<float> expected = whole_numbers(sizes[i], round);
      world_.sum(std::span(expected));
      EXPECT_EQ(values[i], expected) << sizes[i];
    }
  }
}

TEST_P(SumsUnderWayTest, CountsGoWithThem) {
  SumsUnderWay under_way = sums(3, 100 * sizeof(float));
  for (int round = 0; round < 3; ++round) {
    std::vector<std::int64_t> counts = {world_.rank(), std::int64_t{1} << 40U, -1};
    std::vector<float> values = whole_numbers(100, 0);
    std::vector<std::int64_t> one = {1};
    under_way.start(std::span(counts));
    under_way.start(std::span(values));
    under_way.start(std::span(one));
    const std::int64_t ranks = world_.size();
    under_way.wait();
    EXPECT_THAT(counts, ElementsAre(ranks * (ranks - 1) / 2, ranks << 40U, -ranks));
    under_way.wait();
    std::vector<float> expected = whole_numbers(100, 0);
    world_.sum(std::span(expected));
    EXPECT_EQ(values, expected);
    under_way.wait();
    EXPECT_THAT(one, ElementsAre(ranks));
  }
}

// Ranks that are rounds apart: some start sums when others have not yet seen the end of those before.
TEST_P(SumsUnderWayTest, RoundsAreNotMixedUp) {
  SumsUnderWay under_way = sums(2, 50 * sizeof(float));
  for (std::size_t round = 0; round < 200; ++round) {
    std::vector<float> first = whole_numbers(50, round);
    std::vector<float> second = whole_numbers(3, round + 1);
    under_way.start(std::span(first));
    for (std::size_t i = 0; i < round % 7 * static_cast<std::size_t>(world_.rank()); ++i) under_way.progress();
    under_way.start(std::span(second));
    under_way.wait();
    under_way.wait();
    const auto ranks = static_cast<float>(world_.size());
    const float of_ranks = ranks * (ranks - 1) / 2;
    ASSERT_EQ(first[49], of_ranks + ranks * static_cast<float>((round + 1) * 49 % 4099 + round)) << round;
    ASSERT_EQ(second[2], of_ranks + ranks * static_cast<float>((round + 2) * 2 % 4099 + round + 1)) << round;
  }
}

TEST_P(SumsUnderWayTest, ARankWaitsForTheOthers) {
  SumsUnderWay under_way = sums(1, sizeof(float));
  std::vector<float> value = {1};
  under_way.start(std::span(value));
  const std::uint64_t beats = signs_of_life().beats;
  under_way.wait();
  EXPECT_EQ(signs_of_life().beats > beats, world_.size() > 1);
  EXPECT_FALSE(signs_of_life().waiting);
}

TEST_P(SumsUnderWayTest, CanBeMoved) {
  SumsUnderWay first = sums(1, sizeof(float));
  SumsUnderWay second = std::move(first);
  std::vector<float> value = {1};
  second.start(std::span(value));
  second.wait();
  EXPECT_EQ(value.front(), static_cast<float>(world_.size()));
}

// Sums that must be rounded depend on their order: with messages it is the same whoever comes first, and for all ranks.
TEST(MessageSumsTest, RoundedSumsAreTheSameEachTimeAndOnAllRanks) {
  const Communicator world = Communicator::world();
  Arena memory;
  SumsUnderWay under_way(world, SumsBy::messages, 3, 1001 * sizeof(float), memory);
  std::vector<float> expected;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::vector<float>> values(3, std::vector<float>(1001));
    for (std::vector<float>& some : values) {
      for (std::size_t i = 0; i < some.size(); ++i) {
        some[i] = 1.0F / static_cast<float>(static_cast<std::size_t>(world.rank() + 1) * (i + 3));
      }
    }
    for (std::vector<float>& some : values) {
      for (int i = 0; i < (round * world.rank()) % 5; ++i) under_way.progress();
      under_way.start(std::span(some));
    }
    for (std::size_t i = 0; i < values.size(); ++i) under_way.wait();
    if (expected.empty()) expected = values.front();
    std::vector<float> of_root = expected;
    world.broadcast(std::as_writable_bytes(std::span(of_root)));
    for (const std::vector<float>& some : values) EXPECT_EQ(some, of_root);
  }
}

TEST(SumStagesTest, AreFewOfFewRanks) {
  EXPECT_THAT(sum_stages(1), IsEmpty());
  EXPECT_THAT(sum_stages(2), ElementsAre(2));
  EXPECT_THAT(sum_stages(4), ElementsAre(4));
  EXPECT_THAT(sum_stages(7), ElementsAre(7));
  EXPECT_THAT(sum_stages(12), ElementsAre(4, 3));
  EXPECT_THAT(sum_stages(64), ElementsAre(4, 4, 4));
  EXPECT_THAT(sum_stages(61), ElementsAre(61));
  for (int ranks = 2; ranks < 300; ++ranks) {
    const std::vector<int> stages = sum_stages(ranks);
    EXPECT_EQ(std::accumulate(stages.begin(), stages.end(), 1, std::multiplies<>()), ranks);
  }
}

class IallreduceSettingTest : public testing::Test {
 protected:
  Communicator world_ = Communicator::world();
};

TEST_F(IallreduceSettingTest, IsTheVariableOfTheRootWhateverTheLibrary) {
  EXPECT_EQ(iallreduce_setting(world_), "");
  for (const char* name : {"OMPI_MCA_coll_libnbc_iallreduce_algorithm", "MPIR_CVAR_IALLREDUCE_INTRA_ALGORITHM",
                           "I_MPI_ADJUST_IALLREDUCE"}) {
    if (world_.is_root()) setenv(name, "1", 1);
    EXPECT_EQ(iallreduce_setting(world_), name);
    if (world_.is_root()) setenv(name, "", 1);
    EXPECT_EQ(iallreduce_setting(world_), "");
    if (world_.is_root()) unsetenv(name);
  }
  if (world_.is_root()) setenv("OMPI_MCA_coll_tuned_allreduce_algorithm", "4", 1);  // not for sums under way
  EXPECT_EQ(iallreduce_setting(world_), "");
  if (world_.is_root()) unsetenv("OMPI_MCA_coll_tuned_allreduce_algorithm");
}

}  // namespace
}  // namespace rbmpi
