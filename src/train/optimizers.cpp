#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/train/optimizer.hpp"

namespace rbmpi {

std::span<const OptimizerEntry> optimizers() {
  static constexpr OptimizerEntry table[] = {
      {"momentum", "gradient ascent with momentum", make_momentum},
      {"adam", "steps of much the same length for all parameters", make_adam},
  };
  return table;
}

const OptimizerEntry& optimizer(const std::string& name) {
  std::string known;
  for (const OptimizerEntry& entry : optimizers()) {
    if (name == entry.name) return entry;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.name);
  }
  throw Error(Failure::usage, fmt::format("optimizer = {}: known are {}", name, known));
}

}  // namespace rbmpi
