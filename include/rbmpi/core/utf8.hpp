#pragma once

#include <cstddef>
#include <string_view>

namespace rbmpi {

/// The first character of a text in UTF-8.
struct Character {
  std::size_t bytes = 0;  ///< 0: the text is empty or does not begin with a character
  char32_t code = 0;
};

/// Local. Longer forms than need be, halves of surrogate pairs and codes beyond the last are no characters.
[[nodiscard]] Character first_character(std::string_view text) noexcept;

/// Local. Whether a text is characters from its beginning to its end.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

/// Local. Whether a character is not seen as itself but does something to the terminal or to the text around it:
/// controls (C0 with the end of line, DEL, C1), marks and overrides of the writing direction, separators of lines,
/// spaces and joiners without width, tags. Texts of strangers are shown without them.
[[nodiscard]] bool is_control(char32_t code) noexcept;

}  // namespace rbmpi
