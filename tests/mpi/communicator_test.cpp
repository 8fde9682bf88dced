#include "rbmpi/parallel/communicator.hpp"

#include <chrono>
#include <cstring>
#include <ctime>
#include <functional>
#include <new>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rbmpi {
namespace {

using testing::Each;
using testing::EndsWith;
using testing::StartsWith;

class CommunicatorTest : public testing::Test {
 protected:
  /// Collective. The agreed error; it must be the same on all ranks.
  AgreedError error_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const AgreedError& error) {
      const std::string text = fmt::format("{}: {}", static_cast<int>(error.failure()), error.what());
      EXPECT_EQ(text, world_.broadcast(text));
      return error;
    }
    ADD_FAILURE() << "no error was thrown";
    return {Failure::other, ""};
  }

  Communicator world_ = Communicator::world();
};

TEST_F(CommunicatorTest, RanksAreCountedFromZero) {
  EXPECT_GE(world_.rank(), 0);
  EXPECT_LT(world_.rank(), world_.size());
  EXPECT_EQ(world_.is_root(), world_.rank() == 0);
  std::vector<std::int64_t> seen(static_cast<std::size_t>(world_.size()));
  seen[static_cast<std::size_t>(world_.rank())] = 1;
  world_.sum(std::span(seen));
  EXPECT_THAT(seen, Each(1));
  EXPECT_THAT(MpiEnvironment::library_version(), testing::MatchesRegex("[A-Za-z ]+[0-9].*"));
}

TEST_F(CommunicatorTest, GathersAndScattersBytesOfAnyNumber) {
  // Rank r has 3 r + 1 bytes of value r; every third rank none.
  const auto length = [](int rank) { return rank % 3 == 2 ? std::size_t{0} : 3 * static_cast<std::size_t>(rank) + 1; };
  std::vector<std::byte> expected;
  for (int rank = 0; rank < world_.size(); ++rank) expected.insert(expected.end(), length(rank), std::byte(rank));
  const std::vector<std::byte> mine(length(world_.rank()), std::byte(world_.rank()));
  std::vector<std::byte> all(world_.is_root() ? expected.size() : 0);
  world_.gather(mine, all);
  if (world_.is_root()) {
    EXPECT_EQ(all, expected);
  }

  std::vector<std::byte> back(mine.size(), std::byte{255});
  world_.scatter(all, back);
  EXPECT_EQ(back, mine);
}

TEST_F(CommunicatorTest, WhoWaitsInASleepingBarrierLeavesTheCoreToOthers) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds work(400);
  world_.barrier();
  const Clock::time_point begin = Clock::now();
  const std::clock_t processor_begin = std::clock();
  if (world_.is_root()) std::this_thread::sleep_for(work);
  world_.sleeping_barrier();
  const std::clock_t processor = std::clock() - processor_begin;
  EXPECT_GE(Clock::now() - begin, world_.size() > 1 ? work * 9 / 10 : Clock::duration(0));
  EXPECT_LT(static_cast<double>(processor) / CLOCKS_PER_SEC, 0.05);  // who spins takes all that it gets
}

template <typename Value>
void expect_sum(const Communicator& world, std::size_t count) {
  std::vector<Value> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<Value>(i % 1000 + static_cast<std::size_t>(world.rank()));
  world.sum(std::span(values));
  const auto ranks = static_cast<std::size_t>(world.size());
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(values[i], static_cast<Value>(ranks * (i % 1000) + ranks * (ranks - 1) / 2)) << i;
  }
}

TEST_F(CommunicatorTest, SumsAreThoseOfAllRanks) {
  for (const std::size_t count : {0U, 1U, 17U, 100000U}) {
    expect_sum<float>(world_, count);
    expect_sum<double>(world_, count);
    expect_sum<std::int64_t>(world_, count);
  }
}

TEST_F(CommunicatorTest, TheMaximumIsThatOfAllRanks) {
  EXPECT_EQ(world_.maximum(std::int64_t{100 - world_.rank()}), 100);
  EXPECT_EQ(world_.maximum(std::int64_t{-5}), -5);
}

TEST_F(CommunicatorTest, TextsOfAnyLengthAreBroadcast) {
  for (const std::size_t length : {0U, 1U, 1000000U}) {
    for (int root = 0; root < world_.size(); ++root) {
      const std::string text(length, static_cast<char>('a' + root));
      const std::string own =
          world_.rank() == root ? text : std::string(static_cast<std::size_t>(world_.rank()) * 3, '?');
      EXPECT_EQ(world_.broadcast(own, root), text);
    }
  }
  std::vector<std::byte> bytes(12345, std::byte{static_cast<unsigned char>(world_.rank())});
  world_.broadcast(std::span(bytes), world_.size() - 1);
  EXPECT_THAT(bytes, Each(std::byte{static_cast<unsigned char>(world_.size() - 1)}));
}

TEST_F(CommunicatorTest, SplitGroupsRanksOfOneColour) {
  const Communicator half = world_.split(world_.rank() % 2);
  EXPECT_EQ(half.size(), (world_.size() + 1 - world_.rank() % 2) / 2);
  EXPECT_EQ(half.rank(), world_.rank() / 2);
  std::int64_t ranks = world_.rank();
  half.sum(std::span(&ranks, 1));
  EXPECT_EQ(ranks % 2, half.size() * (world_.rank() % 2) % 2);
}

TEST_F(CommunicatorTest, SimulatedNodesHaveTheirNumberOfRanks) {
  EXPECT_EQ(world_.split_by_node(0).size(), world_.size()) << "these tests run on one machine";
  for (int ranks_per_node = 1; ranks_per_node <= world_.size() + 1; ++ranks_per_node) {
    const Communicator node = world_.split_by_node(ranks_per_node);
    const int first = world_.rank() / ranks_per_node * ranks_per_node;
    EXPECT_EQ(node.rank(), world_.rank() - first);
    EXPECT_EQ(node.size(), std::min(ranks_per_node, world_.size() - first));
    EXPECT_EQ(node.maximum(std::int64_t{-world_.rank()}), -first);
  }
}

TEST_F(CommunicatorTest, NoFailureIsNoError) {
  int calls = 0;
  world_.agree([&] { ++calls; });
  EXPECT_EQ(calls, 1);
  world_.agree_on_root([&] { ++calls; });
  EXPECT_EQ(calls, world_.is_root() ? 2 : 1);
}

TEST_F(CommunicatorTest, AFailureOfAllHasTheMessageOfTheFirst) {
  const AgreedError error =
      error_of([&] { world_.agree([&] { throw Error(Failure::file, fmt::format("no file {}", world_.rank())); }); });
  EXPECT_STREQ(error.what(), "no file 0");
  EXPECT_EQ(error.failure(), Failure::file);
}

TEST_F(CommunicatorTest, AFailureOfOneIsAFailureOfAll) {
  for (int bad = 0; bad < world_.size(); ++bad) {
    const AgreedError error = error_of([&] {
      world_.agree([&] {
        if (world_.rank() == bad) throw Error(Failure::diverged, std::string(5000, 'x'));
      });
    });
    EXPECT_THAT(error.what(), StartsWith(std::string(5000, 'x')));
    const std::string who = world_.size() == 1 ? "" : fmt::format(" (on rank {} of {})", bad, world_.size());
    EXPECT_THAT(error.what(), EndsWith(who));
    EXPECT_EQ(error.failure(), Failure::diverged);
  }
}

TEST_F(CommunicatorTest, TheLowestRankThatFailedIsHeard) {
  const AgreedError error = error_of([&] {
    world_.agree([&] {
      if (world_.rank() > 0 || world_.size() == 1) {
        throw Error(world_.rank() <= 1 ? Failure::usage : Failure::file, fmt::format("bad {}", world_.rank()));
      }
    });
  });
  EXPECT_THAT(error.what(), StartsWith(world_.size() == 1 ? "bad 0" : "bad 1"));
  EXPECT_EQ(error.failure(), Failure::usage);
}

TEST_F(CommunicatorTest, ErrorsOfTheLibraryAreAgreedUpon) {
  EXPECT_EQ(error_of([&] { world_.agree([] { throw std::bad_alloc(); }); }).failure(), Failure::other);
  EXPECT_STREQ(error_of([&] { world_.agree([] { throw std::bad_alloc(); }); }).what(), "out of memory");
  EXPECT_STREQ(error_of([&] { world_.agree([] { throw std::runtime_error("odd"); }); }).what(), "odd");
}

TEST_F(CommunicatorTest, AFailureOfTheRootIsAFailureOfAll) {
  int calls = 0;
  const AgreedError error = error_of([&] {
    world_.agree_on_root([&] {
      ++calls;
      throw Error(Failure::file, "disk full");
    });
  });
  EXPECT_STREQ(error.what(), "disk full");
  EXPECT_EQ(error.failure(), Failure::file);
  EXPECT_EQ(calls, world_.is_root() ? 1 : 0);
}

TEST_F(CommunicatorTest, AMoveLeavesAProcessAlone) {
  static_assert(!std::is_copy_constructible_v<Communicator> && !std::is_copy_assignable_v<Communicator>);
  const int size = world_.size();
  Communicator source = Communicator::world();
  Communicator target(std::move(source));
  EXPECT_EQ(target.size(), size);
  EXPECT_EQ(source.size(), 1);
  EXPECT_EQ(source.rank(), 0);
  EXPECT_EQ(source.maximum(std::int64_t{world_.rank()}), world_.rank()) << "it talks to nobody";

  source = Communicator::world();
  target = std::move(source);
  EXPECT_EQ(target.size(), size);
  EXPECT_EQ(source.size(), 1) << "what the target had is not the source's now";
  EXPECT_EQ(target.maximum(std::int64_t{world_.rank()}), size - 1);
}

TEST(AloneTest, AProcessAloneNeedsNoMpi) {
  const Communicator alone;
  EXPECT_EQ(alone.rank(), 0);
  EXPECT_EQ(alone.size(), 1);
  std::vector<double> values = {1, 2};
  alone.sum(std::span(values));
  EXPECT_THAT(values, testing::ElementsAre(1, 2));
  EXPECT_EQ(alone.broadcast("text"), "text");
  alone.barrier();
  EXPECT_EQ(alone.split(3).size(), 1);
  EXPECT_EQ(alone.split_by_node(2).size(), 1);
  try {
    alone.agree([] { throw Error(Failure::file, "bad"); });
    ADD_FAILURE() << "no error was thrown";
  } catch (const AgreedError& error) {
    EXPECT_STREQ(error.what(), "bad");
  }
}

}  // namespace
}  // namespace rbmpi
