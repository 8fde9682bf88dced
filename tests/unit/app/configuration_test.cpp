#include "app/configuration.hpp"

#include <string>

#include <gmock/gmock.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

TEST(Configuration, TheEffectiveOneMeansTheSame) {
  const TrainSettings settings =
      parse_configuration("my.ini",
                          "\xef\xbb\xbf"
                          "data = train.h5 # a comment\r\noutput = runs/a\nepochs=7\n"
                          "learning-rate = 1:0.1, 6 : 1e-3\nvalidation = 0.1\nshuffle = off\n");
  const std::string effective = effective_configuration(settings);
  EXPECT_THAT(effective, testing::HasSubstr("learning-rate = 1:0.1, 6:0.001\n"));
  EXPECT_EQ(effective_configuration(parse_configuration("config.ini", effective)), effective);
}

TEST(Configuration, LinesThatAreNone) {
  // The second was found by a fuzzer: Boost's own message for it never ends.
  for (const std::string line : {"epochs 7", "%invalid_line%"}) {
    test::expect_error(Failure::usage, {"'my.ini'", "the line '" + line + "'", "key = value"},
                       [&] { (void)parse_configuration("my.ini", line + "\n"); });
  }
}

}  // namespace
}  // namespace rbmpi
