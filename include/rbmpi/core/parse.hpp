#pragma once

#include <optional>
#include <string_view>

namespace rbmpi {

/// Local. All of `text` as a finite number in decimal notation, whatever the locale; nothing if it is none.
[[nodiscard]] std::optional<double> parse_number(std::string_view text) noexcept;

}  // namespace rbmpi
