#include "rbmpi/core/utf8.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace rbmpi {
namespace {

/// Of a character that begins with this byte; 0 if none does.
std::size_t length_of(unsigned lead) noexcept {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

}  // namespace

Character first_character(std::string_view text) noexcept {
  if (text.empty()) return {};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  const std::size_t length = length_of(lead);
  if (length == 0 || length > text.size()) return {};
  char32_t code = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {};
    code = code << 6U | (byte(i) & 0x3FU);
  }
  const bool longer_than_need_be = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool half_a_pair = code >= 0xD800 && code <= 0xDFFF;
  if (longer_than_need_be || half_a_pair || code > 0x10FFFF) return {};
  return {length, code};
}

bool is_utf8(std::string_view text) noexcept {
  // Most texts are ASCII, which is seen without a branch a byte.
  const unsigned bits = std::accumulate(text.begin(), text.end(), 0U,
                                        [](unsigned before, char c) { return before | static_cast<unsigned char>(c); });
  if (bits < 0x80) return true;
  while (!text.empty()) {
    const std::size_t length = first_character(text).bytes;
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_control(char32_t code) noexcept {
  struct Range {
    char32_t first;
    char32_t last;
  };
  static constexpr std::array<Range, 11> controls = {{
      {0x00, 0x1F},        // C0
      {0x7F, 0x9F},        // DEL and C1, of which 9B begins a sequence as ESC [ does
      {0xAD, 0xAD},        // soft hyphen
      {0x61C, 0x61C},      // Arabic letter mark: of the direction
      {0x180E, 0x180E},    // Mongolian vowel separator
      {0x200B, 0x200F},    // no width; marks of the direction
      {0x2028, 0x202E},    // separators of lines and paragraphs; embeddings and overrides of the direction
      {0x2060, 0x206F},    // word joiner, invisible operators; isolates of the direction
      {0xFEFF, 0xFEFF},    // no width, also a byte order mark
      {0xFFF9, 0xFFFB},    // annotations
      {0xE0000, 0xE0FFF},  // tags
  }};
  return std::any_of(controls.begin(), controls.end(),
                     [&](const Range& range) { return code >= range.first && code <= range.last; });
}

}  // namespace rbmpi
