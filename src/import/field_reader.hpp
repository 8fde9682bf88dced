#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "import/field_value.hpp"

namespace rbmpi {

/// What fields say once the values that a person wants replaced are. Every method is Local.
class FieldReader {
 public:
  /// `replaced`: values, numbers or texts, and what they become; NaN if they stand for what is missing.
  FieldReader(const std::vector<std::pair<std::string, double>>& replaced, DecimalMark decimal);

  [[nodiscard]] FieldValue read(std::string_view text) const noexcept {
    const FieldValue value = field_value(text, decimal_);
    return replaces_ ? replaced(text, value) : value;
  }
  [[nodiscard]] double read(double number) const noexcept { return replaces_ ? replaced(number) : number; }

 private:
  [[nodiscard]] FieldValue replaced(std::string_view text, FieldValue value) const noexcept;
  [[nodiscard]] double replaced(double number) const noexcept;

  std::vector<std::pair<double, double>> numbers_;
  std::vector<std::pair<std::string, double>> texts_;
  DecimalMark decimal_;
  bool replaces_;
};

}  // namespace rbmpi
