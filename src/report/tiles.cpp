#include "report/tiles.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rbmpi/report/html.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t page_width = 1040;  // points of an image that fills the page
constexpr std::size_t tiles_width = 800;  // of one with tiles: a phone shrinks it, and shall still show each of them
constexpr std::size_t padding = 2;

/// How many points a number takes, so that a tile is about 60 wide.
std::size_t zoom_of(std::size_t tile_width) {
  return std::clamp<std::size_t>(60 / tile_width, 1, 20);
}

std::string image(const Picture& picture, const std::string& alt) {
  return fmt::format("<img src=\"{}\" width=\"{}\" height=\"{}\" alt=\"{}\">\n", png_uri(png(picture)), picture.width,
                     picture.height, escape(alt));
}

/// Each number `down` times in its column and `across` times in its row.
AlignedBuffer<Real> repeated(ConstMatrixView matrix, std::size_t down, std::size_t across) {
  AlignedBuffer<Real> all(matrix.size() * down * across);
  Real* out = all.data();
  for (std::size_t i = 0; i < matrix.rows * down; ++i) {
    for (std::size_t j = 0; j < matrix.columns * across; ++j) *out++ = matrix.row(i / down)[j / across];
  }
  return all;
}

}  // namespace

std::size_t most_tiles(const std::vector<std::uint64_t>& picture) {
  constexpr std::size_t most_points = 900'000;
  const std::size_t zoom = zoom_of(picture[1]);
  return std::clamp<std::size_t>(most_points / (picture[0] * picture[1] * zoom * zoom), 4, 256);
}

std::size_t tile_columns(const std::vector<std::uint64_t>& picture, std::size_t tiles) {
  const std::size_t most = std::clamp<std::size_t>(tiles_width / (picture[1] * zoom_of(picture[1]) + padding), 1, 20);
  if (tiles <= most) return tiles;
  // With a little less in a line there may be no gap at the end of the last one.
  std::size_t best = most;
  const auto gap = [&](std::size_t columns) { return (columns - tiles % columns) % columns; };
  for (std::size_t columns = most; columns > most * 3 / 4; --columns) {
    if (gap(columns) < gap(best)) best = columns;
  }
  return best;
}

std::string tile_image(ConstMatrixView rows, const std::vector<std::uint64_t>& picture, std::size_t columns,
                       Shading shading, const std::string& alt) {
  const GridLayout layout{.height = picture[0],
                          .width = picture[1],
                          .columns = columns,
                          .zoom = zoom_of(picture[1]),
                          .padding = padding,
                          // Neither the black around data nor the grey around weights.
                          .background = shading == Shading::probabilities ? std::uint8_t{128} : std::uint8_t{32}};
  return image(picture_grid(rows, layout, shading), alt);
}

std::string strip_image(ConstMatrixView rows, Shading shading, const std::string& alt) {
  constexpr std::size_t least_side = 56;
  const std::size_t zoom = std::clamp<std::size_t>(page_width / rows.columns, 1, 14);
  // A few rows or columns are drawn broader, or they would hardly be seen.
  const std::size_t across = (least_side + rows.columns * zoom - 1) / (rows.columns * zoom);
  const std::size_t down = (least_side + rows.rows * zoom - 1) / (rows.rows * zoom);
  const GridLayout layout{.height = rows.rows * down,
                          .width = rows.columns * across,
                          .columns = 1,
                          .zoom = zoom,
                          .padding = 0,
                          .background = 128};
  const AlignedBuffer<Real> shown = repeated(rows, down, across);
  return image(picture_grid({shown.data(), 1, shown.size()}, layout, shading), alt);
}

AlignedBuffer<Real> first_columns(ConstMatrixView matrix, std::size_t columns) {
  AlignedBuffer<Real> part(matrix.rows * columns);
  for (std::size_t i = 0; i < matrix.rows; ++i) std::copy_n(matrix.row(i), columns, part.data() + i * columns);
  return part;
}

}  // namespace rbmpi
