#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/random_samples.hpp"

namespace rbmpi::test {

/// Samples with labels that can be learnt: which part of the units has the largest sum. Labels are 3 times the number
/// of the part.
class LabelledSamples {
 public:
  LabelledSamples(std::uint64_t rows, std::uint64_t columns, std::size_t classes, std::uint64_t seed = 1)
      : samples_(ElementType::uint8, rows, columns, seed), view_(samples_.view()) {
    for (std::size_t k = 0; k < classes; ++k) classes_.push_back(static_cast<std::int32_t>(3 * k));
    for (std::uint64_t i = 0; i < rows; ++i) {
      std::vector<double> sums(classes);
      for (std::uint64_t j = 0; j < columns; ++j) sums[j * classes / columns] += value(i, j);
      labels_.push_back(classes_[static_cast<std::size_t>(std::ranges::max_element(sums) - sums.begin())]);
    }
    view_.labels = labels_.data();
  }
  LabelledSamples(const LabelledSamples&) = delete;
  LabelledSamples& operator=(const LabelledSamples&) = delete;

  [[nodiscard]] const Samples& view() const noexcept { return view_; }
  [[nodiscard]] const std::vector<std::int32_t>& classes() const noexcept { return classes_; }
  /// In [0, 1].
  [[nodiscard]] double value(std::uint64_t row, std::uint64_t column) const {
    return std::to_integer<int>(view_.row(row)[column]) / view_.scale;
  }
  [[nodiscard]] std::vector<double> row(std::uint64_t row) const {
    std::vector<double> values(view_.columns);
    for (std::uint64_t j = 0; j < view_.columns; ++j) values[j] = value(row, j);
    return values;
  }
  /// What a net should say of it: the row itself, or 1 for its class.
  [[nodiscard]] std::vector<double> targets(std::uint64_t row, bool classifier) const {
    if (!classifier) return this->row(row);
    std::vector<double> one_hot(classes_.size());
    one_hot[static_cast<std::size_t>(labels_[row] / 3)] = 1;
    return one_hot;
  }

 private:
  RandomSamples samples_;
  std::vector<std::int32_t> classes_;
  std::vector<std::int32_t> labels_;
  Samples view_;
};

}  // namespace rbmpi::test
