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

TEST(ParseDurationTest, Units) {
  for (const auto& [text, seconds] : {std::pair{"0", 0U},
                                      {"90", 90U},
                                      {"90s", 90U},
                                      {"15m", 900U},
                                      {"2h", 7200U},
                                      {"1d", 86400U},
                                      {"0:00:01", 1U},
                                      {"1:30:00", 5400U},
                                      {"100:00:00", 360000U}}) {
    EXPECT_EQ(parse_duration(text), seconds) << text;
  }
}

TEST(ParseDurationTest, WhatIsNoTime) {
  for (const char* text : {"", "s", "-1", "1.5h", "1w", "h1", "1h30m", "1 h", "10:00", "1:60:00", "1:00:60", "1:0:0",
                           ":00:00", "1:00:00:00", "99999999999999999999", "1000000d", "878400:00:01", "1:00:0a"}) {
    EXPECT_FALSE(parse_duration(text).has_value()) << text;
  }
}

TEST(ParseDurationTest, TheTextMeansTheSame) {
  for (const auto& [seconds, text] : {std::pair{0U, "0s"},
                                      {1U, "1s"},
                                      {90U, "90s"},
                                      {600U, "10m"},
                                      {5400U, "90m"},
                                      {7200U, "2h"},
                                      {86400U, "1d"},
                                      {86401U, "86401s"}}) {
    EXPECT_EQ(duration_text(seconds), text);
    EXPECT_EQ(parse_duration(text), seconds);
  }
}

}  // namespace
}  // namespace rbmpi
