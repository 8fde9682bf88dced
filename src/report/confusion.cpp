#include "rbmpi/report/confusion.hpp"

#include <numeric>

namespace rbmpi {

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

}  // namespace rbmpi
