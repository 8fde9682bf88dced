#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rbmpi {

/// Local. All of `text` as a finite number in decimal notation, whatever the locale; nothing if it is none.
[[nodiscard]] std::optional<double> parse_number(std::string_view text) noexcept;

/// Local. A span of time in whole seconds from "90", "90s", "15m", "2h", "1d" or "H:MM:SS" (hours may have any number
/// of digits); nothing if `text` is none of these, or is longer than a century.
[[nodiscard]] std::optional<std::uint64_t> parse_duration(std::string_view text) noexcept;
/// Local. The same the other way round, in the largest unit that fits: "90s", "15m".
[[nodiscard]] std::string duration_text(std::uint64_t seconds);

}  // namespace rbmpi
