#include <algorithm>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/train/optimizer.hpp"

namespace rbmpi {

std::span<const OptimizerEntry> optimizers() {
  static constexpr OptimizerEntry table[] = {
      {"momentum", "gradient ascent with momentum", 0.1, make_momentum, true},
      {"adam", "steps of much the same length for all parameters", 0.001, make_adam, true},
      {"rmsprop", "the gradient over the root of the running mean of its squares", 0.001, make_rmsprop, false},
      {"cossim", "plain ascent, faster as long as gradients agree and slower when they do not", 0.1, make_cossim,
       false},
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

double gentler_learning_rate(const OptimizerEntry& optimizer, double learning_rate, double weight_cost) {
  return std::min({learning_rate / 10, optimizer.usual_learning_rate, 0.1 / weight_cost});
}

}  // namespace rbmpi
