#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "import/field_value.hpp"

namespace rbmpi {

/// Local. What an array of the type holds where a number was to be stored: in float32, 0.1 is another number.
[[nodiscard]] double as_stored(double value, ElementType type) noexcept;

/// What fields say once the values that a person wants replaced are. Every method is Local.
class FieldReader {
 public:
  /// `replaced`: values, numbers or texts, and what they become; NaN if they stand for what is missing. `type`: of the
  /// numbers that are read, if they are stored as such.
  FieldReader(const std::vector<std::pair<std::string, double>>& replaced, DecimalMark decimal, ElementType type);

  [[nodiscard]] FieldValue read(std::string_view text) const noexcept {
    const FieldValue value = field_value(text, decimal_);
    return rules_.empty() ? value : replaced(text, value);
  }
  [[nodiscard]] double read(double number) const noexcept { return rules_.empty() ? number : replaced(number); }
  /// The same without the rules, which are for the values of the data and not for weights.
  [[nodiscard]] FieldValue read_as_it_is(std::string_view text) const noexcept { return field_value(text, decimal_); }

  /// Whether something was replaced by that one of `replaced`.
  [[nodiscard]] bool has_used(std::size_t rule) const { return used_[rule]; }

 private:
  struct Rule {
    std::string text;
    std::optional<double> number;  ///< if the text is one: then all that are equal to it
    double by = 0.0;
  };
  [[nodiscard]] FieldValue replaced(std::string_view text, FieldValue value) const noexcept;
  [[nodiscard]] double replaced(double number) const noexcept;

  std::vector<Rule> rules_;
  mutable std::vector<bool> used_;
  DecimalMark decimal_;
};

}  // namespace rbmpi
