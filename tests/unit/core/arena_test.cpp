#include "rbmpi/core/arena.hpp"

#include <cstdint>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

using testing::Each;

TEST(ArenaTest, CountsWhatItWouldGive) {
  Arena counted(ArenaUse::count);
  Arena given;
  for (Arena* arena : {&counted, &given}) {
    EXPECT_EQ(arena->take<float>(17).size(), arena->counts() ? 0U : 17U);
    EXPECT_TRUE(arena->take<double>(0).empty());
    EXPECT_EQ(arena->take<std::byte>(1).size(), arena->counts() ? 0U : 1U);
    EXPECT_EQ(arena->taken(), 3 * 64U);
  }
}

TEST(ArenaTest, TheMostIsWhatWasTakenAndTheLargestOfWhatIsExpected) {
  Arena counted(ArenaUse::count);
  counted.expect(100);
  (void)counted.take<double>(8);
  counted.expect(30);
  EXPECT_EQ(counted.taken(), 64U);
  EXPECT_EQ(counted.most(), 164U);
}

TEST(ArenaTest, ArraysStayWhereTheyAreWhenItMoves) {
  Arena arena;
  const std::span<std::uint64_t> first = arena.take<std::uint64_t>(9);
  for (int i = 0; i < 100; ++i) (void)arena.take<float>(3);
  EXPECT_THAT(first, Each(0U));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.data()) % 64, 0U);
  first.back() = 7;
  const Arena moved = std::move(arena);
  EXPECT_EQ(first.back(), 7U);
}

TEST(ArenaTest, ABlockGivesNoMoreThanItHas) {
  AlignedBuffer<std::byte> block(128);
  Arena arena(block.span());
  EXPECT_EQ(static_cast<void*>(arena.take<float>(1).data()), block.data());
  test::expect_error(Failure::other, {"17 values of 4 bytes", "128 bytes", "64 bytes are left", "counted"},
                     [&] { (void)arena.take<float>(17); });
  EXPECT_EQ(arena.take<float>(16).size(), 16U);
}

}  // namespace
}  // namespace rbmpi
