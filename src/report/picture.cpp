#include "rbmpi/report/picture.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/format.h>
#include <png.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t longest_side = 16384;  // 256 MB, and what browsers and viewers show

[[noreturn]] void refuse(const std::string& why) {
  throw Error(Failure::usage, "cannot make a picture: " + why);
}

/// The smallest number whose square is at least `count`.
std::size_t about_square(std::size_t count) {
  auto side = static_cast<std::size_t>(std::sqrt(static_cast<double>(count)));
  while (side * side < count) ++side;
  return side;
}

/// Rows and columns of the grid.
struct TileCounts {
  std::size_t rows;
  std::size_t columns;
};
TileCounts tile_counts(std::size_t tiles, const GridLayout& layout) {
  const std::size_t columns = layout.columns > 0 ? layout.columns : about_square(tiles);
  return {(tiles + columns - 1) / columns, columns};
}

/// Points of `tiles` tiles beside each other; without overflow, since it is only compared.
double points(std::size_t tiles, std::size_t tile, const GridLayout& layout) {
  const auto padding = static_cast<double>(layout.padding);
  const double one = static_cast<double>(tile) * static_cast<double>(layout.zoom) + padding;
  return static_cast<double>(tiles) * one + padding;
}

Real largest(const Real* values, std::size_t count) {
  Real result = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::isfinite(values[i])) result = std::max(result, std::abs(values[i]));
  }
  return result;
}

/// grey = rint(255 (offset + factor * value)), within 0 and 255.
struct Ramp {
  Real offset;
  Real factor;

  [[nodiscard]] std::uint8_t grey(Real value) const {
    const Real share = offset + factor * value;
    if (!(share > 0)) return 0;  // also a NaN
    return static_cast<std::uint8_t>(std::lrint(std::min(share, Real{1}) * 255));
  }
};

Ramp weight_ramp(Real largest_weight) {
  return {0.5F, largest_weight > 0 ? 0.5F / largest_weight : 0.0F};
}

}  // namespace

std::size_t readable_zoom(std::size_t tile_height) noexcept {
  constexpr std::size_t readable = 64;
  return std::max<std::size_t>(1, readable / std::max<std::size_t>(1, tile_height));
}

void check_grid(std::size_t tiles, const GridLayout& layout) {
  if (tiles == 0 || layout.height == 0 || layout.width == 0 || layout.zoom == 0) refuse("it would have no points");
  const auto [rows, columns] = tile_counts(tiles, layout);
  if (points(rows, layout.height, layout) > longest_side || points(columns, layout.width, layout) > longest_side) {
    refuse(fmt::format("{} x {} tiles of {} x {} points, {} times enlarged, are more than {} points on a side", rows,
                       columns, layout.height, layout.width, layout.zoom, longest_side));
  }
}

Picture picture_grid(ConstMatrixView tiles, const GridLayout& layout, Shading shading) {
  check_grid(tiles.rows, layout);
  const std::size_t height = layout.height;
  const std::size_t width = layout.width;
  if (tiles.columns / height != width || tiles.columns % height != 0) {
    refuse(fmt::format("tiles of {} numbers are no {} x {} points", tiles.columns, height, width));
  }
  const auto [rows, columns] = tile_counts(tiles.rows, layout);
  const std::size_t tile_height = height * layout.zoom + layout.padding;
  const std::size_t tile_width = width * layout.zoom + layout.padding;
  Picture picture{rows * tile_height + layout.padding, columns * tile_width + layout.padding, {}};
  picture.grey.assign(picture.height * picture.width, layout.background);
  const Ramp common = shading == Shading::probabilities ? Ramp{0, 1} : weight_ramp(largest(tiles.values, tiles.size()));
  for (std::size_t tile = 0; tile < tiles.rows; ++tile) {
    const Real* const values = tiles.row(tile);
    const Ramp ramp = shading == Shading::weights_each_alone ? weight_ramp(largest(values, tiles.columns)) : common;
    const std::size_t top = tile / columns * tile_height + layout.padding;
    const std::size_t left = tile % columns * tile_width + layout.padding;
    for (std::size_t y = 0; y < height * layout.zoom; ++y) {
      std::uint8_t* const out = picture.grey.data() + (top + y) * picture.width + left;
      const Real* const row = values + y / layout.zoom * width;
      for (std::size_t x = 0; x < width * layout.zoom; ++x) out[x] = ramp.grey(row[x / layout.zoom]);
    }
  }
  return picture;
}

std::vector<std::byte> png(const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = PNG_FORMAT_GRAY;
  std::vector<std::byte> bytes(PNG_IMAGE_PNG_SIZE_MAX(image));
  png_alloc_size_t length = bytes.size();
  if (png_image_write_to_memory(&image, bytes.data(), &length, 0, picture.grey.data(), 0, nullptr) == 0) {
    throw Error(Failure::other,
                fmt::format("cannot make a PNG of {} x {} points: {}", picture.height, picture.width, image.message));
  }
  bytes.resize(length);
  return bytes;
}

}  // namespace rbmpi
