#include "rbmpi/data/synthetic_samples.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include <gtest/gtest.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

class SyntheticSamplesTest : public testing::Test {
 protected:
  static std::span<const std::byte> bytes(const Samples& samples) {
    return {samples.values, samples.rows * samples.columns};
  }
  static std::uint64_t ones(const Samples& samples) {
    return static_cast<std::uint64_t>(std::ranges::count(bytes(samples), std::byte{1}));
  }

  Communicator world_ = Communicator::world();
};

TEST_F(SyntheticSamplesTest, AreZerosAndOnesOfTheDensityOnEveryNode) {
  for (const double density : {0.0, 0.13, 0.5, 1.0}) {
    for (const int ranks_per_node : {0, 1, 2}) {
      const Communicator node = world_.split_by_node(ranks_per_node);
      SyntheticSamples rows(world_, node, 1001, 99, density, 0);
      const Samples& samples = rows.samples();
      EXPECT_EQ(samples.type, ElementType::uint8);
      EXPECT_EQ(samples.rows, 1001);
      EXPECT_EQ(samples.columns, 99);
      EXPECT_EQ(samples.scale, 1);
      const std::uint64_t on = ones(samples);
      EXPECT_EQ(on + static_cast<std::uint64_t>(std::ranges::count(bytes(samples), std::byte{0})), 1001 * 99);
      if (density == 0 || density == 1) {
        EXPECT_EQ(static_cast<double>(on), density * 1001 * 99);
      } else {
        EXPECT_NEAR(static_cast<double>(on) / (1001 * 99), density, 0.01);
      }
      world_.barrier();
    }
  }
}

TEST_F(SyntheticSamplesTest, AreTheSameOnEveryLayout) {
  const Communicator node = world_.split_by_node(2);
  SyntheticSamples shared(world_, node, 50, 33, 0.4, 0);
  const SyntheticSamples alone(Communicator(), Communicator(), 50, 33, 0.4, 0);
  EXPECT_TRUE(std::ranges::equal(bytes(shared.samples()), bytes(alone.samples())));
  const Samples& samples = shared.samples();
  EXPECT_FALSE(std::ranges::equal(bytes(samples.part(0, 1)), bytes(samples.part(1, 1))));
  world_.barrier();
}

TEST_F(SyntheticSamplesTest, MoreThanTheMemoryIsRefusedOnAllRanks) {
  const Communicator node = world_.split_by_node(0);
  constexpr std::uint64_t petabyte = 1'000'000'000'000'000;
  test::expect_error(Failure::other, {"not enough memory", "1000 synthetic rows", "1.0 PB"},
                     [&] { SyntheticSamples(world_, node, 1000, petabyte / 1000, 0.5, 0); });
  test::expect_error(Failure::other, {"not enough memory"},
                     [&] { SyntheticSamples(world_, node, 10, 10, 0.5, world_.is_root() ? petabyte : 0); });
}

}  // namespace
}  // namespace rbmpi
