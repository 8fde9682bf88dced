#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rbmpi {

/// How many rows of each class are taken for each class.
struct ConfusionMatrix {
  std::vector<std::int32_t> classes;    ///< their labels
  std::vector<std::uint64_t> counts;    ///< [classes x classes], row-major: rows of class i that are taken for class j
  std::vector<std::string> names = {};  ///< of the classes, one for each; or none: they are known by their labels

  /// What class k is called.
  [[nodiscard]] std::string name(std::size_t k) const { return names.empty() ? std::to_string(classes[k]) : names[k]; }
  /// What the class of a label is called.
  [[nodiscard]] std::string name_of(std::int32_t label) const;
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
