#include "rbmpi/core/memory.hpp"

#include <cstring>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

constexpr std::uint64_t megabyte = 1000 * 1000;

TEST(MemoryTest, ThereIsSome) {
  EXPECT_GT(available_memory(), 10 * megabyte);
  EXPECT_LT(available_memory(), std::uint64_t{1} << 50);
  EXPECT_LT(available_shared_memory(), std::uint64_t{1} << 50);
}

TEST(MemoryTest, ThePeakFollowsWhatIsUsedAndDoesNotFall) {
  const std::uint64_t before = peak_private_memory();
  EXPECT_GT(before, megabyte);
  std::uint64_t during = 0;
  {
    std::vector<char> used(100 * megabyte);
    std::memset(used.data(), 1, used.size());
    during = peak_private_memory();
    EXPECT_GT(during, before + 60 * megabyte) << static_cast<int>(used.back());
  }
  EXPECT_GE(peak_private_memory(), during);
}

TEST(MemoryTest, BytesForPeople) {
  EXPECT_EQ(human_bytes(0), "0 bytes");
  EXPECT_EQ(human_bytes(999), "999 bytes");
  EXPECT_EQ(human_bytes(1000), "1.0 kB");
  EXPECT_EQ(human_bytes(47040000), "47.0 MB");
  EXPECT_EQ(human_bytes(999949), "999.9 kB");
  EXPECT_EQ(human_bytes(999950), "1.0 MB");
  EXPECT_EQ(human_bytes(1234567890), "1.2 GB");
  EXPECT_EQ(human_bytes(std::numeric_limits<std::uint64_t>::max()), "18.4 EB");
}

}  // namespace
}  // namespace rbmpi
