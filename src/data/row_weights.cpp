#include "rbmpi/data/row_weights.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"

namespace rbmpi {

void RowWeights::add(double weight) noexcept {
  rows += 1;
  sum += weight;
  squares += weight * weight;
  smallest = std::min(smallest, weight);
  largest = std::max(largest, weight);
}

bool some_row_counts(const Rows& rows) noexcept {
  for (std::uint64_t row = 0; row < rows.rows; ++row) {
    if (row_weight(rows, row) > 0) return true;
  }
  return false;
}

WeightedRows::WeightedRows(const Rows& data, std::uint64_t places)
    : data_(data), weight_of_place_(row_weights(data).sum / static_cast<double>(places)) {}

std::uint64_t WeightedRows::row_at(std::uint64_t place) noexcept {
  const double share = (static_cast<double>(place) + 0.5) * weight_of_place_;
  while (row_ + 1 < data_.rows && before_ + row_weight(data_, row_) <= share) before_ += row_weight(data_, row_++);
  return row_;
}

Rows first_rows_that_count(const Rows& rows, std::uint64_t count) {
  std::uint64_t first = 0;
  while (first + 1 < rows.rows && row_weight(rows, first) == 0) ++first;
  return rows.part(first, std::min(count, rows.rows - first));
}

RowWeights row_weights(const Rows& rows) {
  if (rows.weights == nullptr) {
    const auto all = static_cast<double>(rows.rows);
    return {.rows = all, .sum = all, .squares = all, .smallest = 1, .largest = 1};
  }
  RowWeights weights;
  for (std::uint64_t row = 0; row < rows.rows; ++row) weights.add(double{rows.weights[row]});
  if (rows.rows > 0 && weights.largest == 0) {
    throw Error(Failure::file, fmt::format("{} have weight 0 (rows {} to {}, counted from 0): there is nothing to take "
                                           "a mean of",
                                           plural(rows.rows, "row"), rows.first(), rows.first() + rows.rows - 1));
  }
  return weights;
}

}  // namespace rbmpi
