#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace rbmpi {

/// How many rows of each class are taken for each class.
struct ConfusionMatrix {
  std::vector<std::int32_t> classes;  ///< their labels
  std::vector<std::uint64_t> counts;  ///< [classes x classes], row-major: rows of class i that are taken for class j

  [[nodiscard]] std::uint64_t at(std::size_t truth, std::size_t predicted) const {
    return counts[truth * classes.size() + predicted];
  }
  /// Rows of a class.
  [[nodiscard]] std::uint64_t rows_of(std::size_t truth) const;
  /// Rows that are taken for a class.
  [[nodiscard]] std::uint64_t predicted_as(std::size_t predicted) const;
  [[nodiscard]] std::uint64_t rows() const;
  /// Rows that are taken for another class than theirs.
  [[nodiscard]] std::uint64_t errors() const;
  /// Share of the rows that are taken for class k that are of it; nothing without such rows.
  [[nodiscard]] std::optional<double> precision(std::size_t k) const;
  /// Share of the rows of class k that are taken for it; nothing without such rows.
  [[nodiscard]] std::optional<double> recall(std::size_t k) const;
};

}  // namespace rbmpi
