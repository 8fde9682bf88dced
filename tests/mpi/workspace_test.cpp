#include "rbmpi/parallel/workspace.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

using testing::Each;

class NodeArenaTest : public testing::Test {
 protected:
  Communicator world_ = Communicator::world();
};

/// Arrays of every kind, none a whole number of cache lines except the empty one.
struct Arrays {
  explicit Arrays(Arena& memory)
      : bytes(memory.take<std::byte>(3)),
        nothing(memory.take<double>(0)),
        floats(memory.take<float>(100001)),
        words(memory.take<std::uint64_t>(1)) {}

  std::span<std::byte> bytes;
  std::span<double> nothing;
  std::span<float> floats;
  std::span<std::uint64_t> words;
};

constexpr std::size_t size_of_arrays = 64 + 0 + 400064 + 64;

bool is_aligned(const void* place) {
  return reinterpret_cast<std::uintptr_t>(place) % 64 == 0;
}

TEST_F(NodeArenaTest, CountingSaysWhatIsNeeded) {
  NodeArena counted(ArenaUse::count);
  const Arrays none(counted);
  EXPECT_EQ(counted.taken(), size_of_arrays);
  EXPECT_TRUE(none.bytes.empty() && none.floats.empty() && none.words.empty());
  counted.synchronise();

  const Communicator node = world_.split_by_node(0);
  NodeArena memory(node, counted.taken());
  const Arrays arrays(memory);
  EXPECT_EQ(memory.taken(), counted.taken());
  memory.synchronise();
  if (node.rank() == node.size() - 1) arrays.words.back() = 7;  // the end is there
  memory.synchronise();
  EXPECT_EQ(arrays.words.back(), 7U);
  memory.synchronise();
}

TEST_F(NodeArenaTest, ArraysAreZeroApartAndOnCacheLines) {
  for (const int ranks_per_node : {0, 1, 2}) {
    const Communicator node = world_.split_by_node(ranks_per_node);
    // What was written into memory before must not be seen in new memory.
    for (int attempt = 0; attempt < 2; ++attempt) {
      NodeArena memory(node, size_of_arrays);
      const Arrays arrays(memory);
      EXPECT_EQ(arrays.bytes.size(), 3U);
      EXPECT_EQ(arrays.nothing.size(), 0U);
      ASSERT_EQ(arrays.floats.size(), 100001U);
      ASSERT_EQ(arrays.words.size(), 1U);
      EXPECT_TRUE(is_aligned(arrays.bytes.data()));
      EXPECT_TRUE(is_aligned(arrays.floats.data()));
      EXPECT_TRUE(is_aligned(arrays.words.data()));
      EXPECT_THAT(arrays.bytes, Each(std::byte{0}));
      EXPECT_THAT(arrays.floats, Each(0.0F));
      EXPECT_THAT(arrays.words, Each(0U));
      memory.synchronise();
      if (node.is_root()) {
        std::ranges::fill(arrays.bytes, std::byte{1});
        std::ranges::fill(arrays.floats, 2.0F);
        std::ranges::fill(arrays.words, 3U);
      }
      memory.synchronise();
      EXPECT_THAT(arrays.bytes, Each(std::byte{1}));
      EXPECT_THAT(arrays.floats, Each(2.0F));
      EXPECT_THAT(arrays.words, Each(3U));
      memory.synchronise();
    }
  }
}

TEST_F(NodeArenaTest, WhatEachRankWroteIsSeenByAll) {
  for (const int ranks_per_node : {0, 2}) {
    const Communicator node = world_.split_by_node(ranks_per_node);
    const auto ranks = static_cast<std::size_t>(node.size());
    const auto rank = static_cast<std::size_t>(node.rank());
    NodeArena memory(node, ranks * sizeof(std::uint64_t));
    const std::span<std::uint64_t> places = memory.take<std::uint64_t>(ranks);
    std::uint64_t wrong = 0;
    for (std::uint64_t round = 1; round <= 3000; ++round) {
      // In some rounds one of the ranks comes so late that the others have gone to sleep.
      if (round % 300 == 0 && round / 300 % ranks == rank) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      places[rank] = round * (rank + 1);
      memory.synchronise();
      for (std::size_t i = 0; i < ranks; ++i) wrong += places[i] == round * (i + 1) ? 0U : 1U;
      memory.synchronise();
    }
    EXPECT_EQ(wrong, 0U) << ranks_per_node;
  }
}

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

TEST_F(NodeArenaTest, NobodyGoesOnBeforeTheLastAndWhoWaitsLongSleeps) {
  const Communicator node = world_.split_by_node(0);
  NodeArena memory(node, sizeof(int));
  const std::span<int> arrived = memory.take<int>(1);
  memory.synchronise();
  for (int late = 0; late < node.size(); ++late) {
    const double before = processor_seconds();
    if (node.rank() == late) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      arrived[0] = late + 1;
    }
    memory.synchronise();
    EXPECT_EQ(arrived[0], late + 1);
    EXPECT_LT(processor_seconds() - before, 0.1);
    memory.synchronise();
  }
}

TEST_F(NodeArenaTest, SimulatedNodesAreApart) {
  for (const int ranks_per_node : {1, 2}) {
    const Communicator node = world_.split_by_node(ranks_per_node);
    NodeArena memory(node, sizeof(int));
    const std::span<int> value = memory.take<int>(1);
    const int number_of_node = world_.rank() / ranks_per_node;
    if (node.is_root()) value[0] = number_of_node + 1;
    memory.synchronise();
    world_.barrier();
    EXPECT_EQ(value[0], number_of_node + 1);
    memory.synchronise();
  }
}

TEST_F(NodeArenaTest, MovesAndIsGivenBack) {
  const Communicator node = world_.split_by_node(0);
  NodeArena memory;
  memory = NodeArena(node, 2 * 64);
  const std::span<int> first = memory.take<int>(1);
  NodeArena moved = std::move(memory);
  const std::span<int> second = moved.take<int>(1);
  EXPECT_EQ(second.data() - first.data(), 16);
  if (node.is_root()) first[0] = 5;
  moved.synchronise();
  EXPECT_EQ(first[0], 5);
  moved.synchronise();
  moved = NodeArena(ArenaUse::count);
  EXPECT_TRUE(moved.take<int>(1).empty());
  moved.synchronise();
}

TEST_F(NodeArenaTest, TooMuchIsRefusedOnAllRanks) {
  const Communicator node = world_.split_by_node(0);
  if (node.size() == 1) return;  // which has ordinary memory
  test::expect_error(Failure::other, {"not enough memory for the training", "1.2 EB"},
                     [&] { NodeArena(node, std::size_t{1} << 60); });
}

TEST_F(NodeArenaTest, WhoeverTakesMoreThanWasCountedIsToldSo) {
  const Communicator node = world_.split_by_node(0);
  NodeArena memory(node, 3 * 64);
  EXPECT_EQ(memory.take<float>(17).size(), 17U);
  test::expect_error(Failure::other, {"17 values of 4 bytes", "192 bytes", "64 bytes are left", "counted"},
                     [&] { (void)memory.take<float>(17); });
  constexpr std::size_t overflows = (std::size_t{1} << 62U) + 1;
  test::expect_error(Failure::other, {"64 bytes are left"}, [&] { (void)memory.take<float>(overflows); });
  EXPECT_EQ(memory.take<float>(16).size(), 16U);
  EXPECT_EQ(memory.taken(), 3 * 64U);
  memory.synchronise();
}

}  // namespace
}  // namespace rbmpi
