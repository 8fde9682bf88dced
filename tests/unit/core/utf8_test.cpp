#include "rbmpi/core/utf8.hpp"

#include <initializer_list>
#include <string>

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

void expect(std::string_view text, std::size_t bytes, char32_t code) {
  const Character character = first_character(text);
  EXPECT_EQ(character.bytes, bytes) << text;
  EXPECT_EQ(character.code, code) << text;
}

TEST(Utf8, Characters) {
  expect("a", 1, 'a');
  expect("ab", 1, 'a');
  expect(std::string(1, '\0'), 1, 0);
  expect("\xc2\x80", 2, 0x80);
  expect("\xdf\xbf", 2, 0x7FF);
  expect("\xe0\xa0\x80", 3, 0x800);
  expect("\xe2\x80\xae!", 3, 0x202E);
  expect("\xef\xbf\xbf", 3, 0xFFFF);
  expect("\xf0\x90\x80\x80", 4, 0x10000);
  expect("\xf4\x8f\xbf\xbf", 4, 0x10FFFF);
}

TEST(Utf8, NoCharacters) {
  expect("", 0, 0);
  for (const char* text :
       {"\x80", "\xbf", "\xff", "\xc3", "\xc3<", "\xe2\x80", "\xf0\x90\x80", "\xc0\xbc", "\xc1\xbf", "\xe0\x9f\xbf",
        "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80"}) {
    expect(text, 0, 0);
  }
}

TEST(Utf8, Controls) {
  for (const char32_t code :
       std::initializer_list<char32_t>{0x00, 0x0A, 0x1B, 0x1F, 0x7F, 0x80, 0x9B, 0x9F, 0xAD, 0x61C, 0x200B, 0x200F,
                                       0x2028, 0x202A, 0x202E, 0x2060, 0x2069, 0xFEFF, 0xE0041}) {
    EXPECT_TRUE(is_control(code)) << std::hex << static_cast<unsigned>(code);
  }
  for (const char32_t code : std::initializer_list<char32_t>{0x20, 0x7E, 0xA0, 0xE9, 0x5D0, 0x627, 0x200A, 0x2010,
                                                             0x2027, 0x202F, 0x205F, 0x4E2D, 0xFFFD, 0x1F600}) {
    EXPECT_FALSE(is_control(code)) << std::hex << static_cast<unsigned>(code);
  }
}

}  // namespace
}  // namespace rbmpi
