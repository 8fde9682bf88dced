#pragma once

#include <concepts>
#include <string>

#include <fmt/format.h>

namespace rbmpi {

/// "1 rank", "2 ranks".
template <std::integral Count>
[[nodiscard]] std::string plural(Count count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace rbmpi
