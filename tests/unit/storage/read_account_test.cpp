#include "storage/read_account.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "rbmpi/core/memory.hpp"
#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

constexpr std::uint64_t length = 1000;
constexpr std::uint64_t endless = std::numeric_limits<std::uint64_t>::max();

TEST(ReadAccountTest, TheSumMayBeWhatTheFileHas) {
  for (const Reading reading : {Reading::whole, Reading::in_pieces}) {
    ReadAccount account("a.h5", length, reading);
    for (int again = 0; again < 3; ++again) EXPECT_NO_THROW(account.add("/a", 600, 600));
    EXPECT_NO_THROW(account.add("/b", 400, 400));
    test::expect_error(Failure::file,
                       {"'a.h5'", "with '/c'", "come to 1.0 kB", "only 1.0 kB", "do several names lead to one object?"},
                       [&] { account.add("/c", 1, 1); });
    test::expect_error(Failure::file, {"with '/d'"}, [&] { account.add("/d", endless, 1); });
  }
}

TEST(ReadAccountTest, MuchOfLittleIsRefused) {
  constexpr std::uint64_t small = std::uint64_t{256} << 20U;  // for any file
  ReadAccount account("a.h5", length, Reading::whole);
  EXPECT_NO_THROW(account.add("/a", 1, small - 1));
  EXPECT_NO_THROW(account.add("/b", 1, 1));
  test::expect_error(
      Failure::file,
      {"'a.h5'", "with '/c' its arrays take 268.4 MB, more than 250 times the 1.0 kB", "without compression"},
      [&] { account.add("/c", 1, 1); });
  ReadAccount longer("a.h5", small / 250 + 1, Reading::whole);
  EXPECT_NO_THROW(longer.add("/a", 1, small));
  EXPECT_NO_THROW(longer.add("/b", 1, 100));
  ReadAccount pieces("a.h5", length, Reading::in_pieces);
  EXPECT_NO_THROW(pieces.add("/a", 1, endless));
}

TEST(ReadAccountTest, WhatDoesNotFitTheMemoryIsRefused) {
  const std::uint64_t available = available_memory();
  ReadAccount account("a.h5", 4 * available, Reading::whole);
  EXPECT_NO_THROW(account.add("/a", available / 2, available / 2));
  test::expect_error(Failure::other, {"not enough memory to read 'a.h5'", "with '/b'", "are available"},
                     [&] { account.add("/b", available, available); });
  ReadAccount pieces("a.h5", 4 * available, Reading::in_pieces);
  EXPECT_NO_THROW(pieces.add("/a", available, 4 * available));
}

}  // namespace
}  // namespace rbmpi
