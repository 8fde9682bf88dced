#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/matrix.hpp"
#include "rbmpi/report/picture.hpp"

namespace rbmpi {

// Rows of numbers as images of a page. Everything is Local; `alt` is a text.

/// As many tiles as a page of moderate length takes, and in a line, for pictures {height, width}.
[[nodiscard]] std::size_t most_tiles(const std::vector<std::uint64_t>& picture);
[[nodiscard]] std::size_t tile_columns(const std::vector<std::uint64_t>& picture, std::size_t tiles);

/// An <img>: each row of `rows` as a tile {height, width}.
[[nodiscard]] std::string tile_image(ConstMatrixView rows, const std::vector<std::uint64_t>& picture,
                                     std::size_t columns, Shading shading, const std::string& alt);

/// An <img>: the rows as strips, one below the other.
[[nodiscard]] std::string strip_image(ConstMatrixView rows, Shading shading, const std::string& alt);

/// The first columns of a matrix, as a matrix without gaps.
[[nodiscard]] AlignedBuffer<Real> first_columns(ConstMatrixView matrix, std::size_t columns);

}  // namespace rbmpi
