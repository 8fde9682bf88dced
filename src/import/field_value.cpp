#include "import/field_value.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "import/text_fields.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/utf8.hpp"

namespace rbmpi {
namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_code_of_digits(std::string_view text) noexcept {
  constexpr std::size_t longest_padded = 3;  // "007" of a table of bytes
  return text.size() > longest_padded && text.front() == '0' && std::ranges::all_of(text, is_digit);
}

std::optional<double> plain_number(std::string_view text) noexcept {
  // Most fields are short whole numbers.
  if (!text.empty() && text.size() <= 3 && std::ranges::all_of(text, is_digit)) {
    int value = 0;
    for (const char digit : text) value = value * 10 + (digit - '0');
    return value;
  }
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  if (is_code_of_digits(text)) return std::nullopt;
  return parse_number(text);
}

std::optional<double> comma_number(std::string_view text) noexcept {
  std::array<char, 64> point{};
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos || comma + 1 == text.size() || !is_digit(text[comma + 1]) ||
      text.size() > point.size() || text.find('.') != std::string_view::npos)
    return std::nullopt;
  std::ranges::copy(text, point.begin());
  point[comma] = '.';
  return plain_number({point.data(), text.size()});
}

/// A number whose decimal mark is known: the other mark may stand between its thousands.
std::optional<double> marked_number(std::string_view text, char decimal) noexcept {
  const char between = decimal == ',' ? '.' : ',';
  const std::string_view whole = text.substr(0, text.find_first_of(decimal == ',' ? ",eE" : ".eE"));
  std::array<char, 64> plain{};
  if (text.size() > plain.size() || text.find(between, whole.size()) != std::string_view::npos ||
      (whole.find(between) != std::string_view::npos && !may_be_thousands(whole, between)))
    return std::nullopt;
  std::size_t length = 0;
  for (const char c : text)
    if (c != between) plain[length++] = c == decimal ? '.' : c;
  return plain_number({plain.data(), length});
}

std::optional<bool> truth(std::string_view text) noexcept {
  for (const char* word : {"true", "True", "TRUE", "yes", "Yes", "YES"})
    if (text == word) return true;
  for (const char* word : {"false", "False", "FALSE", "no", "No", "NO"})
    if (text == word) return false;
  return std::nullopt;
}

}  // namespace

bool is_missing(std::string_view text) noexcept {
  constexpr std::array<std::string_view, 14> words = {"",     "NA",   "N/A",  "n/a",  "NaN", "nan", "NAN",
                                                      "-nan", "null", "NULL", "Null", "?",   ".",   "#N/A"};
  return std::ranges::find(words, text) != words.end();
}

FieldValue field_value(std::string_view text, DecimalMark decimal) noexcept {
  using Kind = FieldValue::Kind;
  const auto number = decimal == DecimalMark::said_comma   ? marked_number(text, ',')
                      : decimal == DecimalMark::said_point ? marked_number(text, '.')
                                                           : plain_number(text);
  if (number) return {Kind::number, *number};
  if (is_missing(text)) return {Kind::missing, 0.0};
  if (const auto value = truth(text)) return {Kind::boolean, *value ? 1.0 : 0.0};
  if (decimal == DecimalMark::either)
    if (const auto with_comma = comma_number(text)) return {Kind::comma_number, *with_comma};
  return {};
}

bool looks_like_number(std::string_view text) {
  std::string plain(text);
  // Signs of money, and what stands between thousands, or for a minus.
  for (const std::string_view sign : {"\u20ac", "\u00a3", "\u00a5", "\u00a0", "\u202f", "\u2009", "\u2212"})
    for (std::size_t at = plain.find(sign); at != std::string::npos; at = plain.find(sign))
      plain.erase(at, sign.size());
  const bool hexadecimal = plain.starts_with("0x") || plain.starts_with("0X");
  if (hexadecimal && plain.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string::npos) return plain.size() > 2;
  return plain.find_first_of("0123456789") != std::string::npos &&
         plain.find_first_not_of("0123456789+-.,eE% '$\xa0") == std::string::npos;
}

bool may_be_thousands(std::string_view text, char mark) noexcept {
  constexpr std::size_t digits = 3;
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const std::size_t first = text.find(mark);
  if (first == std::string_view::npos || first < 1 || first > digits || text.front() == '0') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool marked = i >= first && (i - first) % (digits + 1) == 0;
    if (marked ? text[i] != mark : !is_digit(text[i])) return false;
  }
  return (text.size() - first) % (digits + 1) == 0;
}

std::string shown_field(std::string_view text) {
  constexpr std::size_t most_characters = 40;
  std::string result;
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count == most_characters) return result + "...";
    const Character character = first_character(text);
    const bool shows = character.bytes > 0 && !is_control(character.code);
    const std::size_t bytes = std::max<std::size_t>(1, character.bytes);
    result += shows ? text.substr(0, bytes) : "?";
    text.remove_prefix(bytes);
  }
  return result;
}

std::string plain_name(std::string_view name) {
  std::string result(trimmed(name));
  std::erase(result, '"');
  std::ranges::transform(result, result.begin(),
                         [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return result;
}

}  // namespace rbmpi
