#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rbmpi/core/matrix.hpp"

namespace rbmpi {

/// A grey picture: height x width bytes, row by row from the top; 0 is black, 255 white.
struct Picture {
  std::size_t height = 0;
  std::size_t width = 0;
  std::vector<std::uint8_t> grey;
};

/// How numbers become grey.
enum class Shading {
  probabilities,      ///< 0 black, 1 white; what is outside counts as the nearer of the two
  weights_together,   ///< 0 mid grey, the largest absolute value of all tiles white or black
  weights_each_alone  ///< the same with the largest absolute value of each tile, so that weak filters are seen as well
};

/// How tiles lie beside each other.
struct GridLayout {
  std::size_t height = 0;         ///< of a tile, in numbers
  std::size_t width = 0;          ///< of a tile, in numbers
  std::size_t columns = 0;        ///< tiles in a row of the grid; 0: as many as make it about square
  std::size_t zoom = 1;           ///< each number becomes zoom x zoom points
  std::size_t padding = 1;        ///< points between tiles and around them
  std::uint8_t background = 128;  ///< of the padding, and where tiles are missing in the last row
};

/// The zoom that makes tiles of this size about 64 points high, but at least 1.
[[nodiscard]] std::size_t readable_zoom(std::size_t tile_height) noexcept;

/// Local. Throws Error(Failure::usage) if there is no tile, or the picture of so many would have a side of more than
/// 16384 points.
void check_grid(std::size_t tiles, const GridLayout& layout);

/// Local. The tiles, one a row of `tiles` [n x (height * width)], in a grid, row by row. A NaN is black. Throws
/// Error(Failure::usage) if the shapes do not fit, and as check_grid does.
[[nodiscard]] Picture picture_grid(ConstMatrixView tiles, const GridLayout& layout, Shading shading);

/// Local. The content of a PNG file (8 bits, grey) of this picture.
[[nodiscard]] std::vector<std::byte> png(const Picture& picture);

}  // namespace rbmpi
