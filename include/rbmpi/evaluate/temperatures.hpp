#pragma once

#include <string>
#include <vector>

namespace rbmpi {

/// The most steps of a schedule.
inline constexpr double most_temperatures = 1e8;

/// Local. A schedule of inverse temperatures 0 = b_0 < b_1 < ... < b_K = 1 from a text: either their number K, evenly
/// spread, as in "10000", or pieces END:STEPS, each evenly spread from the end of the one before, as in
/// "0.5:500,0.9:4000,1:10000" (Salakhutdinov and Murray 2008 took that one). Throws Error(Failure::usage) with what is
/// wrong and what would be right.
[[nodiscard]] std::vector<double> parse_temperatures(const std::string& text);

/// The schedule to take if there is no reason for another (docs/quality.md).
inline constexpr const char* default_temperatures = "20000";

}  // namespace rbmpi
