#include "rbmpi/core/aligned_buffer.hpp"

#include <cstdint>
#include <type_traits>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rbmpi {
namespace {

TEST(AlignedBufferTest, IsZerosOnACacheLine) {
  for (const std::size_t size : {1U, 3U, 16U, 1001U}) {
    const AlignedBuffer<float> buffer(size);
    EXPECT_EQ(buffer.size(), size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64, 0U);
    EXPECT_THAT(buffer.span(), testing::Each(0.0F));
  }
  EXPECT_TRUE(AlignedBuffer<float>().empty());
  EXPECT_TRUE(AlignedBuffer<float>(0).empty());
}

TEST(AlignedBufferTest, AMoveEmptiesTheSource) {
  AlignedBuffer<double> source(5);
  source.span()[4] = 7;
  AlignedBuffer<double> target(std::move(source));
  EXPECT_EQ(target.span()[4], 7);
  EXPECT_EQ(source.data(), nullptr);
  EXPECT_EQ(source.size(), 0U);
  EXPECT_TRUE(source.empty());
  source = std::move(target);
  EXPECT_EQ(source.size(), 5U);
  EXPECT_TRUE(target.empty());
  static_assert(!std::is_copy_constructible_v<AlignedBuffer<double>>);
}

}  // namespace
}  // namespace rbmpi
