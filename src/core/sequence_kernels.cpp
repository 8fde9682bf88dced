#include "rbmpi/core/sequence_kernels.hpp"

#include <algorithm>
#include <cassert>

// Highway compiles what follows once for each instruction set and chooses at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/sequence_kernels.cpp"
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>
//
#include "core/masks-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace rbmpi::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Equal sites are counted in bytes, so only so many sites go by before the counts are taken over: less than 255, which
/// stands for all the lives that a byte has no room for.
constexpr std::size_t segment_sites = 240;
/// After so many sites it is looked whether any pair is still alive.
constexpr std::size_t sites_between_looks = 16;
static_assert(segment_sites < 255 && segment_sites % sites_between_looks == 0);

/// counts + 1 where a == b.
template <class D, class V>
HWY_INLINE V count_equal(D d, V counts, V a, V b) {
#if HWY_TARGET <= HWY_AVX3
  return hn::IfThenElse(hn::Eq(a, b), hn::Add(counts, hn::Set(d, 1)), counts);  // one instruction, with a mask
#else
  return hn::Sub(counts, hn::VecFromMask(d, hn::Eq(a, b)));
#endif
}

/// One call of find_neighbours(). A pair has as many lives as it may differ in sites, and one more: it is alive while
/// it has any left.
class TilePair {
 public:
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): all lives are wanted for long sequences alone
  TilePair(const std::uint8_t* a, const std::uint8_t* b, std::size_t sites, std::size_t lives, std::uint64_t* alive)
      : a_(a), b_(b), sites_(sites), alive_(alive) {
    std::fill_n(lives_, pairs, static_cast<std::uint8_t>(std::min<std::size_t>(lives, 255)));
    if (sites > segment_sites) std::fill_n(all_lives_, pairs, static_cast<std::uint32_t>(lives));
    std::fill_n(alive, tile_sequences, ~std::uint64_t{0});
  }

  /// Segment by segment, so that what is compared stays in a near cache however long the sequences are.
  HWY_INLINE void compare() {
    for (std::size_t site = 0; site < sites_; site += segment_sites) {
      for (std::size_t row = 0; row < tile_sequences; row += rows) {
        for (std::size_t column = 0; column < tile_sequences; column += columns) {
          if (any_alive(row, column)) compare_segment(site, row, column);
        }
      }
    }
  }

 private:
  using Tag = hn::CappedTag<std::uint8_t, tile_sequences>;
  using V = hn::Vec<Tag>;
  static constexpr std::size_t pairs = tile_sequences * tile_sequences;
  static constexpr std::size_t lanes = hn::MaxLanes(Tag());
  /// Pairs that are compared at once, with their counts in eight registers: some sequences of `a` with one or two
  /// vectors of sequences of `b`.
  static constexpr std::size_t vectors = std::min<std::size_t>(tile_sequences / lanes, 2);
  static constexpr std::size_t rows = 8 / vectors;
  static constexpr std::size_t columns = vectors * lanes;

  [[nodiscard]] static std::uint64_t bits_of(std::size_t column) {
    return (columns < 64 ? (std::uint64_t{1} << columns % 64) - 1 : ~std::uint64_t{0}) << column;
  }
  [[nodiscard]] bool any_alive(std::size_t row, std::size_t column) const {
    return std::any_of(alive_ + row, alive_ + row + rows,
                       [&](std::uint64_t word) { return (word & bits_of(column)) != 0; });
  }

  /// The segment from `site` on, of `rows` sequences of `a` and `columns` of `b`.
  HWY_INLINE void compare_segment(std::size_t site, std::size_t row, std::size_t column) {
    const Tag d;
    const std::size_t count = std::min(segment_sites, sites_ - site);
    V equal[rows][vectors];
    for (auto& of_row : equal) std::fill_n(of_row, vectors, hn::Zero(d));
    const std::uint8_t* const a = a_ + site * tile_sequences + row;
    const std::uint8_t* const b = b_ + site * tile_sequences + column;
    for (std::size_t done = 0; done < count;) {
      const std::size_t next_look = std::min(done + sites_between_looks, count);
      for (; done < next_look; ++done) {
        V letters[vectors];
        for (std::size_t k = 0; k < vectors; ++k) letters[k] = hn::Load(d, b + done * tile_sequences + k * lanes);
        for (std::size_t i = 0; i < rows; ++i) {
          const V letter = hn::Set(d, a[done * tile_sequences + i]);
          for (std::size_t k = 0; k < vectors; ++k) equal[i][k] = count_equal(d, equal[i][k], letter, letters[k]);
        }
      }
      // One vector with something above zero wherever a pair is alive.
      V most = hn::Zero(d);
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t k = 0; k < vectors; ++k) {
          most = hn::Max(most, lives_left(d, equal[i][k], lives(row + i, column) + k * lanes, done));
        }
      }
      if (hn::AllTrue(d, hn::Eq(most, hn::Zero(d)))) break;
    }
    for (std::size_t i = 0; i < rows; ++i) keep(d, equal[i], row + i, column, count);
  }

  HWY_INLINE std::uint8_t* lives(std::size_t row, std::size_t column) { return lives_ + row * tile_sequences + column; }
  /// What is left of `lives` after `done` sites of which `equal` were equal. Where more than 255 are left it is not
  /// exact, but above zero.
  static HWY_INLINE V lives_left(Tag d, V equal, const std::uint8_t* lives, std::size_t done) {
    return hn::SaturatedSub(hn::SaturatedAdd(equal, hn::Load(d, lives)), hn::Set(d, static_cast<std::uint8_t>(done)));
  }

  /// Takes over what was counted in a segment of `count` sites for sequence `row` of `a`.
  HWY_INLINE void keep(Tag d, const V (&equal)[vectors], std::size_t row, std::size_t column, std::size_t count) {
    for (std::size_t k = 0; k < vectors; ++k) {
      const V left = lives_left(d, equal[k], lives(row, column) + k * lanes, count);
      const std::uint64_t dead = mask_bits(d, hn::Eq(left, hn::Zero(d)));
      alive_[row] &= ~(dead << (column + k * lanes));
    }
    if (sites_ <= segment_sites) return;
    alignas(64) std::uint8_t counts[columns];
    for (std::size_t k = 0; k < vectors; ++k) hn::Store(equal[k], d, counts + k * lanes);
    std::uint32_t* const all = all_lives_ + row * tile_sequences + column;
    std::uint8_t* const few = lives(row, column);
    for (std::size_t j = 0; j < columns; ++j) {
      all[j] -= std::min(all[j], static_cast<std::uint32_t>(count) - counts[j]);
      few[j] = static_cast<std::uint8_t>(std::min<std::uint32_t>(all[j], 255));
    }
  }

  const std::uint8_t* a_;
  const std::uint8_t* b_;
  std::size_t sites_;
  std::uint64_t* alive_;
  alignas(64) std::uint8_t lives_[pairs];  // as many as a byte has room for
  std::uint32_t all_lives_[pairs];         // of sequences of several segments
};

HWY_FLATTEN HWY_ATTR void FindNeighbours(const std::uint8_t* a, const std::uint8_t* b, std::size_t sites,
                                         std::size_t least_equal, std::uint64_t* neighbours) {
  TilePair(a, b, sites, sites - least_equal + 1, neighbours).compare();
}

}  // namespace rbmpi::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rbmpi {

HWY_EXPORT(FindNeighbours);

void make_tile(ConstLettersView sequences, std::uint8_t* tile) noexcept {
  assert(sequences.rows <= tile_sequences);
  // Some sites of all sequences at a time, so that both sides of the transposition stay in a near cache.
  constexpr std::size_t sites_at_once = 64;
  for (std::size_t first = 0; first < sequences.columns; first += sites_at_once) {
    const std::size_t end = std::min(first + sites_at_once, sequences.columns);
    for (std::size_t i = 0; i < tile_sequences; ++i) {
      for (std::size_t site = first; site < end; ++site) {
        tile[site * tile_sequences + i] = i < sequences.rows ? sequences.row(i)[site] : std::uint8_t{0};
      }
    }
  }
}

void find_neighbours(const std::uint8_t* a, const std::uint8_t* b, std::size_t sites, std::size_t least_equal,
                     std::uint64_t* neighbours) noexcept {
  assert(least_equal <= sites);
  HWY_DYNAMIC_DISPATCH(FindNeighbours)(a, b, sites, least_equal, neighbours);
}

}  // namespace rbmpi
#endif  // HWY_ONCE
