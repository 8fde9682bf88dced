#include "rbmpi/core/sequence_kernels.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "rbmpi/core/aligned_buffer.hpp"
#include "support/numbers.hpp"

namespace rbmpi {
namespace {

using test::Random;

/// Sequences of a tile, all relatives of one in the middle, so that pairs differ in few or many sites.
struct Sequences {
  Sequences(std::size_t count, std::size_t site_count, std::uint64_t colours, Random& random)
      : rows(count), sites(site_count), letters(count * site_count), tile(site_count * tile_sequences) {
    std::vector<std::uint8_t> ancestor(sites);
    for (std::uint8_t& letter : ancestor) letter = static_cast<std::uint8_t>(255 - random.below(colours));
    for (std::size_t i = 0; i < rows; ++i) {
      const double changed = random.uniform();
      for (std::size_t s = 0; s < sites; ++s) {
        const bool change = random.uniform() < changed;
        letters[i * sites + s] = change ? static_cast<std::uint8_t>(255 - random.below(colours)) : ancestor[s];
      }
    }
    std::ranges::fill(tile.span(), std::uint8_t{7});
    make_tile({letters.data(), rows, sites}, tile.data());
  }

  std::size_t rows;
  std::size_t sites;
  std::vector<std::uint8_t> letters;
  AlignedBuffer<std::uint8_t> tile;
};

/// The equal sites of each two places of two tiles, by plain loops.
std::vector<std::size_t> equal_sites(const Sequences& a, const Sequences& b) {
  std::vector<std::size_t> equal(tile_sequences * tile_sequences);
  const std::uint8_t* site_a = a.tile.data();
  const std::uint8_t* site_b = b.tile.data();
  for (std::size_t s = 0; s < a.sites; ++s, site_a += tile_sequences, site_b += tile_sequences) {
    std::size_t* counts = equal.data();
    for (std::size_t i = 0; i < tile_sequences; ++i, counts += tile_sequences) {
      const std::uint8_t letter = site_a[i];
      for (std::size_t j = 0; j < tile_sequences; ++j) counts[j] += letter == site_b[j] ? 1U : 0U;
    }
  }
  return equal;
}

/// What find_neighbours() finds.
std::vector<std::uint64_t> neighbours_of(const std::vector<std::size_t>& equal, std::size_t least_equal) {
  std::vector<std::uint64_t> neighbours(tile_sequences);
  for (std::size_t pair = 0; pair < equal.size(); ++pair) {
    const std::uint64_t near = equal[pair] >= least_equal ? 1 : 0;
    neighbours[pair / tile_sequences] |= near << pair % tile_sequences;
  }
  return neighbours;
}

/// On each instruction set of this machine.
class SequenceKernelsTest : public testing::TestWithParam<std::int64_t> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

INSTANTIATE_TEST_SUITE_P(Targets, SequenceKernelsTest, testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         [](const auto& test) { return std::string(hwy::TargetName(test.param)); });

TEST_P(SequenceKernelsTest, NeighboursAreThoseOfPlainLoops) {
  Random random(1);
  for (const std::size_t sites : {1U, 2U, 15U, 16U, 17U, 112U, 239U, 240U, 241U, 254U, 255U, 256U, 257U, 480U, 511U}) {
    for (const std::uint64_t colours : {1U, 2U, 21U, 256U}) {
      const Sequences a(1 + random.below(tile_sequences), sites, colours, random);
      const Sequences b(tile_sequences, sites, colours, random);
      for (const Sequences* const other : {&a, &b}) {
        const std::vector<std::size_t> equal = equal_sites(a, *other);
        for (const std::size_t least :
             {std::size_t{0}, std::size_t{1}, sites / 3, sites / 2, sites - sites / 5, sites}) {
          std::vector<std::uint64_t> neighbours(tile_sequences, 0x5A5A5A5A5A5A5A5AU);
          find_neighbours(a.tile.data(), other->tile.data(), sites, least, neighbours.data());
          ASSERT_EQ(neighbours, neighbours_of(equal, least))
              << sites << " sites, " << colours << " letters, at least " << least << " equal";
        }
      }
    }
  }
}

TEST_P(SequenceKernelsTest, OneSiteDecidesInLongSequencesAsWell) {
  constexpr std::size_t sites = 100'000;
  std::vector<std::uint8_t> letters(2 * sites, 'A');
  constexpr std::size_t different = 70'000;  // more than 16 bits hold
  std::fill_n(letters.begin() + sites + 1000, different, '-');
  AlignedBuffer<std::uint8_t> tile(sites * tile_sequences);
  make_tile({letters.data(), 2, sites}, tile.data());
  std::vector<std::uint64_t> neighbours(tile_sequences);
  find_neighbours(tile.data(), tile.data(), sites, sites - different, neighbours.data());
  EXPECT_EQ(neighbours[0], 3U);
  EXPECT_EQ(neighbours[1], 3U);
  find_neighbours(tile.data(), tile.data(), sites, sites - different + 1, neighbours.data());
  EXPECT_EQ(neighbours[0], 1U);
  EXPECT_EQ(neighbours[1], 2U);
}

TEST(SequenceTileTest, HasTheLettersSiteBySite) {
  const std::string letters = "ACGT-A";
  AlignedBuffer<std::uint8_t> tile(3 * tile_sequences);
  std::ranges::fill(tile.span(), std::uint8_t{7});
  make_tile({reinterpret_cast<const std::uint8_t*>(letters.data()), 2, 3}, tile.data());
  for (std::size_t s = 0; s < 3; ++s) {
    const auto site = tile.span().subspan(s * tile_sequences, tile_sequences);
    EXPECT_EQ(site[0], letters[s]);
    EXPECT_EQ(site[1], letters[3 + s]);
    EXPECT_THAT(site.subspan(2), testing::Each(0));
  }
}

}  // namespace
}  // namespace rbmpi
