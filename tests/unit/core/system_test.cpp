#include "rbmpi/core/system.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace rbmpi {
namespace {

bool is_open(int number) {
  return fcntl(number, F_GETFD) >= 0;
}

TEST(DescriptorTest, ClosesOnceAndMoves) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  {
    Descriptor first(ends[0]);
    Descriptor second(ends[1]);
    second = std::move(first);
    EXPECT_FALSE(is_open(ends[1]));
    EXPECT_TRUE(is_open(ends[0]));
    EXPECT_EQ(second.number(), ends[0]);
    const Descriptor third(std::move(second));
    EXPECT_TRUE(is_open(ends[0]));
  }
  EXPECT_FALSE(is_open(ends[0]));
  EXPECT_LT(Descriptor().number(), 0);
}

TEST(SystemTest, NamesAndTexts) {
  EXPECT_EQ(error_text(ENOENT), "No such file or directory");
  EXPECT_EQ(error_text(EFBIG), "file too large: a limit (ulimit -f) or quota");
  EXPECT_FALSE(host_name().empty());
}

}  // namespace
}  // namespace rbmpi
