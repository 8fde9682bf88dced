#include "rbmpi/data/shard.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "support/numbers.hpp"

namespace rbmpi {
namespace {

void expect_parts(std::uint64_t total, int size) {
  std::uint64_t next = 0;
  std::uint64_t before = total;
  for (int rank = 0; rank < size; ++rank) {
    const Shard part = shard(total, rank, size);
    ASSERT_EQ(part.first, next) << total << " things, rank " << rank << " of " << size;
    ASSERT_LE(part.count, before) << "the first ranks have more";
    ASSERT_GE(part.count, total / static_cast<std::uint64_t>(size));
    ASSERT_LE(part.count, total / static_cast<std::uint64_t>(size) + 1);
    before = part.count;
    next += part.count;
  }
  EXPECT_EQ(next, total);
}

TEST(ShardTest, PartsFollowEachOtherAndDifferByAtMostOne) {
  for (std::uint64_t total = 0; total < 70; ++total) {
    for (int size = 1; size < 70; ++size) expect_parts(total, size);
  }
  test::Random random(1);
  for (int i = 0; i < 200; ++i)
    expect_parts(random.below(std::uint64_t{1} << 50), 1 + static_cast<int>(random.below(5000)));
}

TEST(ShardTest, PartsInGroupsBeginAtGroups) {
  for (std::uint64_t total = 0; total < 200; ++total) {
    for (int size = 1; size < 20; ++size) {
      std::uint64_t next = 48;
      for (int rank = 0; rank < size; ++rank) {
        const Shard part = shard_in_groups({48, total}, 16, rank, size);
        ASSERT_EQ(part.first, next);
        if (part.count > 0) {
          ASSERT_EQ(part.first % 16, 0U);
        }
        ASSERT_LE(part.count, (total + 15) / 16 / static_cast<std::uint64_t>(size) * 16 + 16);
        next += part.count;
      }
      ASSERT_EQ(next, 48 + total);
    }
  }
}

TEST(ShardTest, IsKnownWhenCompiled) {
  static_assert(shard(10, 1, 3).first == 4 && shard(10, 1, 3).count == 3);
  static_assert(shard(2, 5, 8).count == 0);
  static_assert(shard(42000, 0, 1).count == 42000);
}

}  // namespace
}  // namespace rbmpi
