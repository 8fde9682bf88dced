#include "rbmpi/core/checksum.hpp"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

TEST(ChecksumTest, EveryBitCounts) {
  std::vector<float> values(300, 0.5F);
  const auto of_values = [&] { return checksum(std::as_bytes(std::span(values))); };
  std::set<Checksum> seen = {of_values()};
  const auto bytes = std::as_writable_bytes(std::span(values));
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_TRUE(seen.insert(of_values()).second) << bit;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  EXPECT_FALSE(seen.insert(of_values()).second);
}

TEST(ChecksumTest, EveryPieceCounts) {
  const std::vector<std::byte> a(100, std::byte{1});
  const std::vector<std::byte> b(100, std::byte{2});
  const auto of_both = [](const auto& first, const auto& second) { return checksum(second, checksum(first)); };
  EXPECT_EQ(std::set<Checksum>({of_both(a, a), of_both(a, b), of_both(b, a), of_both(b, b), checksum(a)}).size(), 5U);
}

}  // namespace
}  // namespace rbmpi
