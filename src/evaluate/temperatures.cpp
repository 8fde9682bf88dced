#include "rbmpi/evaluate/temperatures.hpp"

#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/parse.hpp"

namespace rbmpi {

std::vector<double> parse_temperatures(const std::string& text) {
  std::vector<double> temperatures = {0};
  const auto wrong = [&](const std::string& what) {
    return Error(Failure::usage, fmt::format("{}; right is a number of steps, such as 10000, or pieces END:STEPS up to "
                                             "1, such as 0.5:500,0.9:4000,1:10000",
                                             what));
  };
  std::string_view rest = text;
  for (bool more = true; more;) {
    const std::size_t comma = rest.find(',');
    const std::string_view piece = rest.substr(0, comma);
    more = comma != std::string_view::npos;
    if (more) rest.remove_prefix(comma + 1);

    const std::size_t colon = piece.find(':');
    const bool alone = colon == std::string_view::npos;
    const std::optional<double> end = alone ? 1.0 : parse_number(piece.substr(0, colon));
    const std::optional<double> steps = parse_number(alone ? piece : piece.substr(colon + 1));
    if (!end || !steps) throw wrong(fmt::format("'{}' is neither a number nor END:STEPS", piece));
    if (*steps < 1 || *steps > most_temperatures || *steps != std::floor(*steps)) {
      throw wrong(fmt::format("{} is no whole number of steps from 1 to {}", *steps, most_temperatures));
    }
    if (static_cast<double>(temperatures.size() - 1) + *steps > most_temperatures) {
      throw wrong(fmt::format("more than {} steps in all", most_temperatures));
    }
    const double begin = temperatures.back();
    if (*end <= begin || *end > 1) throw wrong(fmt::format("{} is not above {} and at most 1", *end, begin));
    for (double step = 1; step <= *steps; ++step) {
      temperatures.push_back(step == *steps ? *end : begin + (*end - begin) * step / *steps);
    }
  }
  if (temperatures.back() != 1) throw wrong(fmt::format("it ends at {} instead of 1", temperatures.back()));
  return temperatures;
}

}  // namespace rbmpi
