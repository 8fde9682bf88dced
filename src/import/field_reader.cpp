#include "import/field_reader.hpp"

#include <cmath>
#include <limits>

namespace rbmpi {

double as_stored(double value, ElementType type) noexcept {
  const bool fits = std::fabs(value) <= static_cast<double>(std::numeric_limits<float>::max());
  return type == ElementType::float32 && fits ? static_cast<double>(static_cast<float>(value)) : value;
}

FieldReader::FieldReader(const std::vector<std::pair<std::string, double>>& replaced, DecimalMark decimal,
                         ElementType type)
    : decimal_(decimal) {
  for (const auto& [text, by] : replaced) {
    const FieldValue value = field_value(text, DecimalMark::point);
    const bool number = value.kind == FieldValue::Kind::number;
    rules_.push_back({text, number ? std::optional(as_stored(value.number, type)) : std::nullopt, by});
  }
  used_.resize(rules_.size());
}

FieldValue FieldReader::replaced(std::string_view text, FieldValue value) const noexcept {
  using Kind = FieldValue::Kind;
  if (value.kind == Kind::number || value.kind == Kind::comma_number) {
    value.number = replaced(value.number);
  } else {
    for (std::size_t i = 0; i < rules_.size(); ++i) {
      if (rules_[i].number || rules_[i].text != text) continue;
      used_[i] = true;
      value = {Kind::number, rules_[i].by};
      break;
    }
  }
  return std::isnan(value.number) ? FieldValue{Kind::missing, 0.0} : value;
}

double FieldReader::replaced(double number) const noexcept {
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    if (rules_[i].number != number) continue;
    used_[i] = true;
    return rules_[i].by;
  }
  return number;
}

}  // namespace rbmpi
