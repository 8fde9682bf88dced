#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rbmpi/import/table.hpp"

namespace rbmpi {

/// What one field of a text says. Everything here is Local.
struct FieldValue {
  enum class Kind : std::uint8_t { number, comma_number, missing, boolean, text };
  Kind kind = Kind::text;
  double number = 0.0;  ///< of a truth value 0 or 1
};

/// A number is decimal, "0.5", "+1e3"; with a comma for its point it is a `comma_number` where either may be meant.
/// More than three digits that begin with a zero are a text: most likely "0110" was never meant as a hundred and ten.
/// Nor are "nan" and "inf" numbers.
[[nodiscard]] FieldValue field_value(std::string_view text, DecimalMark decimal) noexcept;

/// How people write that there is no value: nothing, NA, N/A, NaN, null, ?, .
[[nodiscard]] bool is_missing(std::string_view text) noexcept;

/// Whether a text that is no number was meant as one, most likely: digits with points, commas, signs, %, money,
/// or hexadecimal. 0110, 1,234, 1'000, 5 %, $3, 0x1F
[[nodiscard]] bool looks_like_number(std::string_view text);

/// Whether a number with such a mark, 1,234 or 1.234, may as well be more than a thousand: three digits between marks.
[[nodiscard]] bool may_be_thousands(std::string_view text, char mark) noexcept;

/// What a person should see of a field: short, in one line.
[[nodiscard]] std::string shown_field(std::string_view text);

/// In lower case, without blanks and quotes at its ends: names of columns are compared so when one is looked for that
/// nobody named.
[[nodiscard]] std::string plain_name(std::string_view name);

}  // namespace rbmpi
