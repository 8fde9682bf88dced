#include "app/unit_selection.hpp"

#include <string>

#include <gtest/gtest.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

/// The units of pictures of 3 x 4 that a text names, as they lie in the picture.
std::string selected(const std::string& text) {
  std::string shown;
  const std::vector<bool> units = select_units(text, 12, {3, 4});
  for (std::size_t i = 0; i < units.size(); ++i) {
    shown += units[i] ? '#' : '.';
    if (i % 4 == 3 && i < 11) shown += '\n';
  }
  return shown;
}

TEST(UnitSelectionTest, PartsOfPicturesAreNamedByRowsAndColumns) {
  EXPECT_EQ(selected("rows:0-1"), "####\n####\n....");
  EXPECT_EQ(selected("rows:2"), "....\n....\n####");
  EXPECT_EQ(selected("columns:1-3"), ".###\n.###\n.###");
  EXPECT_EQ(selected("units:3-5"), "...#\n##..\n....");
  EXPECT_EQ(selected("rows:1-2,columns:0-1"), "....\n##..\n##..");
  EXPECT_EQ(selected("rows:1,columns:0-1,units:5"), "....\n.#..\n....");
}

TEST(UnitSelectionTest, UnitsNeedNoPicture) {
  EXPECT_EQ(select_units("units:1", 3, {}), (std::vector<bool>{false, true, false}));
}

TEST(UnitSelectionTest, WhatNamesNoUnitIsRefused) {
  const auto refused = [](const std::string& text, const std::string& fragment) {
    test::expect_error(Failure::usage, {fragment}, [&] { static_cast<void>(select_units(text, 12, {3, 4})); });
  };
  for (const char* const range :
       {"rows:3", "rows:", "rows:1-", "rows:-1", "rows:2-1", "rows:0-3", "rows:0x1", "rows:1 "}) {
    refused(range, "counted from 0 to 2");
  }
  refused("rows:0,", "rows:, columns: or units:");
  refused("rows:0,,units:1", "rows:, columns: or units:");
  refused("columns:4", "counted from 0 to 3");
  test::expect_error(Failure::usage, {"--picture HxW"}, [] { static_cast<void>(select_units("rows:0", 12, {})); });
}

}  // namespace
}  // namespace rbmpi
