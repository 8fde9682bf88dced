#include "rbmpi/core/parse.hpp"

#include <charconv>
#include <cmath>
#include <system_error>

namespace rbmpi {

std::optional<double> parse_number(std::string_view text) noexcept {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace rbmpi
