#pragma once

#include <cstddef>
#include <cstdint>

#include "rbmpi/core/matrix.hpp"

namespace rbmpi {

// Aligned sequences against each other: how many of their sites are equal. All are Local, run on the calling thread and
// allocate nothing. Sequences come in tiles, each with its letters site by site, so that a vector of letters is one
// site of many sequences.

/// A letter of an alignment is any byte; a gap is a letter like others.
using ConstLettersView = BasicMatrixView<const std::uint8_t>;

/// Sequences of a tile.
inline constexpr std::size_t tile_sequences = 64;

/// tile[s][i] = letter s of sequence i, for up to `tile_sequences` sequences [count x sites]; places of sequences that
/// are not there become 0. tile: sites x tile_sequences.
void make_tile(ConstLettersView sequences, std::uint8_t* tile) noexcept;

/// Bit j of neighbours[i] says whether sequence i of the tile `a` and sequence j of the tile `b` have at least
/// `least_equal` equal sites, 0 <= least_equal <= sites <= 2^31. The tiles begin on cache lines, and may be the same.
/// neighbours: tile_sequences words. Stops early where no pair can get there any more.
void find_neighbours(const std::uint8_t* a, const std::uint8_t* b, std::size_t sites, std::size_t least_equal,
                     std::uint64_t* neighbours) noexcept;

}  // namespace rbmpi
