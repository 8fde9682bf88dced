#include "rbmpi/core/digest.hpp"

#include <string_view>
#include <utility>

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// Known answers of FIPS 180-4.
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(hexadecimal(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hexadecimal(sha256(bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hexadecimal(sha256(bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, PiecesGiveTheSameAsTheWhole) {
  Sha256 stream;
  stream.update(bytes("a"));
  stream.update({});
  Sha256 moved = std::move(stream);
  moved.update(bytes("bc"));
  EXPECT_EQ(moved.finish(), sha256(bytes("abc")));
}

TEST(Hexadecimal, KeepsLeadingZeros) {
  const std::byte values[] = {std::byte{0x00}, std::byte{0x0f}, std::byte{0xa0}};
  EXPECT_EQ(hexadecimal(values), "000fa0");
}

}  // namespace
}  // namespace rbmpi
