#include "rbmpi/core/parse.hpp"

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

TEST(ParseNumberTest, TakesAllOfTheText) {
  EXPECT_EQ(parse_number("-0.25"), -0.25);
  EXPECT_EQ(parse_number("1e-3"), 0.001);
  for (const char* text : {"", " 1", "1 ", "0x10", "1,5", "--1", "NaN", "infinity", "1e999"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace rbmpi
