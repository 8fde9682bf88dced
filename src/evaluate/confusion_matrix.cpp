#include "rbmpi/evaluate/confusion_matrix.hpp"

#include <algorithm>
#include <numeric>

namespace rbmpi {
namespace {

std::optional<double> share(std::uint64_t part, std::uint64_t all) {
  if (all == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(all);
}

}  // namespace

std::string ConfusionMatrix::name_of(std::int32_t label) const {
  const auto found = std::ranges::find(classes, label);
  return found == classes.end() ? std::to_string(label) : name(static_cast<std::size_t>(found - classes.begin()));
}

std::uint64_t ConfusionMatrix::rows_of(std::size_t truth) const {
  std::uint64_t sum = 0;
  for (std::size_t k = 0; k < classes.size(); ++k) sum += at(truth, k);
  return sum;
}

std::uint64_t ConfusionMatrix::predicted_as(std::size_t predicted) const {
  std::uint64_t sum = 0;
  for (std::size_t k = 0; k < classes.size(); ++k) sum += at(k, predicted);
  return sum;
}

std::uint64_t ConfusionMatrix::rows() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

std::uint64_t ConfusionMatrix::errors() const {
  std::uint64_t errors = rows();
  for (std::size_t k = 0; k < classes.size(); ++k) errors -= at(k, k);
  return errors;
}

std::optional<double> ConfusionMatrix::precision(std::size_t k) const {
  return share(at(k, k), predicted_as(k));
}

std::optional<double> ConfusionMatrix::recall(std::size_t k) const {
  return share(at(k, k), rows_of(k));
}

}  // namespace rbmpi
