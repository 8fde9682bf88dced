#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "train/sampled_gradient.hpp"

namespace rbmpi {

namespace {

std::vector<GradientEstimatorEntry>& table() {
  static std::vector<GradientEstimatorEntry> entries = {
      {.name = "cd",
       .summary = "contrastive divergence: chains begin at the rows of each batch",
       .make = make_sampled_gradient,
       .has_two_phases = has_two_phases,
       .exact_rows = exact_rows_of_samples,
       .reads_weights = true,
       .shows = shows_for_centring,
       .reconstructs = true},
      {.name = "pcd",
       .summary = "persistent contrastive divergence: chains go on from step to step",
       .make = make_sampled_gradient,
       .chains = chains_that_go_on,
       .has_two_phases = has_two_phases,
       .exact_rows = exact_rows_of_samples,
       .reads_weights = true,
       .shows = shows_for_centring},
  };
  return entries;
}

}  // namespace

std::span<const GradientEstimatorEntry> gradient_estimators() {
  return table();
}

void add_gradient_estimator(const GradientEstimatorEntry& entry) {
  const bool is_whole = entry.name != nullptr && *entry.name != '\0' && entry.summary != nullptr &&
                        entry.make != nullptr && entry.chains != nullptr && entry.has_two_phases != nullptr &&
                        entry.exact_rows != nullptr && entry.shows != nullptr;
  if (!is_whole) throw Error(Failure::usage, "an estimator must have a name, a summary and all of its functions");
  for (const GradientEstimatorEntry& other : table()) {
    if (std::string_view(entry.name) == other.name) {
      throw Error(Failure::usage, fmt::format("there is an estimator '{}' already", entry.name));
    }
  }
  table().push_back(entry);
}

const GradientEstimatorEntry& gradient_estimator(const std::string& name) {
  std::string known;
  for (const GradientEstimatorEntry& entry : gradient_estimators()) {
    if (name == entry.name) return entry;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.name);
  }
  throw Error(Failure::usage, fmt::format("estimator = {}: known are {}", name, known));
}

}  // namespace rbmpi
