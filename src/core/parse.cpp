#include "rbmpi/core/parse.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace rbmpi {
namespace {

constexpr std::uint64_t longest_duration = std::uint64_t{100} * 366 * 24 * 3600;
constexpr std::array<std::pair<char, std::uint64_t>, 4> units = {{{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};

std::optional<std::uint64_t> parse_digits(std::string_view text) noexcept {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > longest_duration) return std::nullopt;
  return value;
}

/// "H:MM:SS".
std::optional<std::uint64_t> parse_clock(std::string_view text) noexcept {
  const std::size_t minutes = text.find(':');
  const std::size_t seconds = text.rfind(':');
  if (seconds != text.size() - 3 || minutes != text.size() - 6) return std::nullopt;
  const auto h = parse_digits(text.substr(0, minutes));
  const auto m = parse_digits(text.substr(minutes + 1, 2));
  const auto s = parse_digits(text.substr(seconds + 1));
  if (!h || !m || !s || *m > 59 || *s > 59) return std::nullopt;
  const std::uint64_t total = *h * 3600 + *m * 60 + *s;
  return total > longest_duration ? std::nullopt : std::optional(total);
}

}  // namespace

std::optional<double> parse_number(std::string_view text) noexcept {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_duration(std::string_view text) noexcept {
  if (text.find(':') != std::string_view::npos) return parse_clock(text);
  std::uint64_t unit = 1;
  for (const auto& [letter, length] : units) {
    if (text.empty() || text.back() != letter) continue;
    unit = length;
    text.remove_suffix(1);
    break;
  }
  const auto count = parse_digits(text);
  if (!count || *count > longest_duration / unit) return std::nullopt;
  return *count * unit;
}

std::string duration_text(std::uint64_t seconds) {
  for (const auto& [letter, length] : units) {
    if (seconds >= length && seconds % length == 0) return fmt::format("{}{}", seconds / length, letter);
  }
  return "0s";
}

}  // namespace rbmpi
