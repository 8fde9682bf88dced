#include "rbmpi/evaluate/temperatures.hpp"

#include <gtest/gtest.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

using test::expect_error;
using Temperatures = std::vector<double>;

TEST(TemperaturesTest, ANumberIsSpreadEvenly) {
  EXPECT_EQ(parse_temperatures("1"), (Temperatures{0, 1}));
  EXPECT_EQ(parse_temperatures("4"), (Temperatures{0, 0.25, 0.5, 0.75, 1}));
}

TEST(TemperaturesTest, PiecesAreSpreadEvenlyEach) {
  EXPECT_EQ(parse_temperatures("0.5:1,0.75:2,1:1"), (Temperatures{0, 0.5, 0.625, 0.75, 1}));
  const Temperatures published = parse_temperatures("0.5:500,0.9:4000,1:10000");
  ASSERT_EQ(published.size(), 14501);
  EXPECT_EQ(published[500], 0.5);
  EXPECT_EQ(published[4500], 0.9);
  EXPECT_EQ(published.back(), 1);
  for (std::size_t k = 1; k < published.size(); ++k) ASSERT_LT(published[k - 1], published[k]);
}

TEST(TemperaturesTest, TheDefaultIsASchedule) {
  EXPECT_EQ(parse_temperatures(default_temperatures).back(), 1);
}

TEST(TemperaturesTest, OthersAreRefused) {
  const auto refused = [](const std::string& text, const std::string& reason) {
    expect_error(Failure::usage, {reason, "10000", "END:STEPS"}, [&] { (void)parse_temperatures(text); });
  };
  refused("", "neither");
  refused("many", "'many'");
  refused("0.5:", "'0.5:'");
  refused("0.5:10,", "''");
  refused("0", "0 is no whole number");
  refused("-3", "-3 is no whole number");
  refused("2.5", "2.5 is no whole number");
  refused("1e9", "from 1 to 100000000");
  refused("0.5:10", "ends at 0.5");
  refused("0.5:10,0.4:10,1:10", "0.4 is not above 0.5");
  refused("0.5:10,1.5:10", "1.5 is not above 0.5 and at most 1");
  refused("1:10,1:10", "1 is not above 1");
  refused("nan:10", "'nan:10'");
}

}  // namespace
}  // namespace rbmpi
