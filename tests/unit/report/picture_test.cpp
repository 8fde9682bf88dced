#include "rbmpi/report/picture.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include "support/expect_error.hpp"
#include "support/numbers.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;

/// What libpng reads from the bytes.
Picture decode(const std::vector<std::byte>& bytes) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) {
    throw std::runtime_error(image.message);
  }
  EXPECT_EQ(image.format, static_cast<png_uint_32>(PNG_FORMAT_GRAY))
      << "8 bits of grey, no colour, nothing transparent";
  Picture picture{image.height, image.width, std::vector<std::uint8_t>(PNG_IMAGE_SIZE(image))};
  if (png_image_finish_read(&image, nullptr, picture.grey.data(), 0, nullptr) == 0) {
    throw std::runtime_error(image.message);
  }
  return picture;
}

ConstMatrixView view(const std::vector<Real>& values, std::size_t rows) {
  return {values.data(), rows, values.size() / rows};
}

TEST(PictureTest, WhatIsEncodedIsDecoded) {
  test::Random random(1);
  Picture picture{37, 101, std::vector<std::uint8_t>(37UL * 101)};
  for (std::uint8_t& grey : picture.grey) grey = static_cast<std::uint8_t>(random.below(256));
  const Picture decoded = decode(png(picture));
  EXPECT_EQ(decoded.height, picture.height);
  EXPECT_EQ(decoded.width, picture.width);
  EXPECT_EQ(decoded.grey, picture.grey);
}

TEST(PictureTest, ProbabilitiesGoFromBlackToWhite) {
  const std::vector<Real> values = {0, 1, 0.5F, 0.2F, -3, 7, std::nanf(""), 1};
  const Picture picture =
      picture_grid(view(values, 1), {.height = 2, .width = 4, .padding = 0}, Shading::probabilities);
  EXPECT_EQ(picture.height, 2U);
  EXPECT_EQ(picture.width, 4U);
  EXPECT_THAT(picture.grey, ElementsAre(0, 255, 128, 51, 0, 255, 0, 255));
}

TEST(PictureTest, TilesLieRowByRowWithPaddingBetweenAndAround) {
  const std::vector<Real> values = {0, 0.2F, 0.4F, 0.6F, 0.8F, 1};  // three tiles of 1 x 2
  const Picture picture =
      picture_grid(view(values, 3), {.height = 1, .width = 2, .columns = 2, .background = 9}, Shading::probabilities);
  EXPECT_EQ(picture.height, 5U);
  EXPECT_EQ(picture.width, 7U);
  EXPECT_THAT(picture.grey, ElementsAre(9, 9, 9, 9, 9, 9, 9,       //
                                        9, 0, 51, 9, 102, 153, 9,  //
                                        9, 9, 9, 9, 9, 9, 9,       //
                                        9, 204, 255, 9, 9, 9, 9,   //
                                        9, 9, 9, 9, 9, 9, 9));
}

TEST(PictureTest, AnEnlargedNumberIsASquare) {
  const std::vector<Real> values = {0, 1};
  const Picture picture =
      picture_grid(view(values, 1), {.height = 1, .width = 2, .zoom = 2, .padding = 0}, Shading::probabilities);
  EXPECT_THAT(picture.grey, ElementsAre(0, 0, 255, 255, 0, 0, 255, 255));
}

TEST(PictureTest, AGridWithoutAWishIsAboutSquare) {
  const std::vector<Real> values(10);
  const Picture picture =
      picture_grid(view(values, 10), {.height = 1, .width = 1, .padding = 0}, Shading::probabilities);
  EXPECT_EQ(picture.width, 4U);
  EXPECT_EQ(picture.height, 3U);
}

TEST(PictureTest, WeightsAreAroundMidGrey) {
  const std::vector<Real> values = {-2, 0, 1, -1};  // two tiles of 1 x 2
  const GridLayout layout{.height = 1, .width = 2, .columns = 1, .padding = 0};
  EXPECT_THAT(picture_grid(view(values, 2), layout, Shading::weights_together).grey, ElementsAre(0, 128, 191, 64));
  EXPECT_THAT(picture_grid(view(values, 2), layout, Shading::weights_each_alone).grey, ElementsAre(0, 128, 255, 0));
  const std::vector<Real> zeros(4);
  EXPECT_THAT(picture_grid(view(zeros, 2), layout, Shading::weights_each_alone).grey, ElementsAre(128, 128, 128, 128));
}

TEST(PictureTest, SmallTilesAreEnlargedToBeReadable) {
  EXPECT_EQ(readable_zoom(8), 8U);
  EXPECT_EQ(readable_zoom(28), 2U);
  EXPECT_EQ(readable_zoom(200), 1U);
}

TEST(PictureTest, WhatIsNoPictureIsRefused) {
  const std::vector<Real> values(6);
  const auto refused = [&](const GridLayout& layout, std::size_t rows, const std::string& fragment) {
    test::expect_error(Failure::usage, {"cannot make a picture", fragment}, [&] {
      static_cast<void>(picture_grid({values.data(), rows, 6}, layout, Shading::probabilities));
    });
  };
  refused({.height = 2, .width = 2}, 1, "6 numbers are no 2 x 2 points");
  refused({.height = 4, .width = 1}, 1, "6 numbers are no 4 x 1 points");
  refused({.height = 0, .width = 6}, 1, "no points");
  refused({.height = 2, .width = 3}, 0, "no points");
  refused({.height = 2, .width = 3, .zoom = std::numeric_limits<std::size_t>::max()}, 1, "16384 points");
}

}  // namespace
}  // namespace rbmpi
