#include "rbmpi/core/liveness.hpp"

#include <string>

#include <gtest/gtest.h>

#include "rbmpi/core/child_process.hpp"
#include "rbmpi/core/interruption.hpp"

namespace rbmpi {
namespace {

TEST(LivenessTest, EveryWordIsASignOfLife) {
  now_doing("reading the data");
  const SignsOfLife first = signs_of_life();
  EXPECT_STREQ(first.doing, "reading the data");
  EXPECT_FALSE(first.waiting);
  now_doing("reading the data");
  EXPECT_GT(signs_of_life().beats, first.beats);
  EXPECT_EQ(signs_of_life().beats, signs_of_life().beats) << "to look is no sign of life";
}

TEST(LivenessTest, WaitingBeginsAndEndsWithASignOfLife) {
  now_doing("exchanging gradients");
  const std::uint64_t before = signs_of_life().beats;
  std::uint64_t inside = 0;
  {
    const WaitingForOthers waiting;
    inside = signs_of_life().beats;
    EXPECT_TRUE(signs_of_life().waiting);
    EXPECT_STREQ(signs_of_life().doing, "exchanging gradients");
  }
  EXPECT_FALSE(signs_of_life().waiting);
  EXPECT_GT(inside, before);
  EXPECT_GT(signs_of_life().beats, inside);
}

TEST(LivenessTest, ToAskForSignalsIsASignOfLife) {
  const std::uint64_t before = signs_of_life().beats;
  throw_if_stopped("hashing the data");
  EXPECT_GT(signs_of_life().beats, before);
  EXPECT_STREQ(signs_of_life().doing, "hashing the data");
}

TEST(LivenessTest, AChildProcessGivesSignsOfLifeForItsParent) {
  const std::uint64_t before = signs_of_life().beats;
  EXPECT_EQ(run_in_child("test",
                         [] {
                           now_doing("reading in a child");
                           return std::string("done");
                         }),
            "done");
  EXPECT_GT(signs_of_life().beats, before);
  EXPECT_STREQ(signs_of_life().doing, "reading in a child");
}

}  // namespace
}  // namespace rbmpi
