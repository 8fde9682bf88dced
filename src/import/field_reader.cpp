#include "import/field_reader.hpp"

#include <cmath>

namespace rbmpi {

FieldReader::FieldReader(const std::vector<std::pair<std::string, double>>& replaced, DecimalMark decimal)
    : decimal_(decimal), replaces_(!replaced.empty()) {
  for (const auto& [text, by] : replaced) {
    const FieldValue value = field_value(text, DecimalMark::point);
    if (value.kind == FieldValue::Kind::number)
      numbers_.emplace_back(value.number, by);
    else
      texts_.emplace_back(text, by);
  }
}

FieldValue FieldReader::replaced(std::string_view text, FieldValue value) const noexcept {
  using Kind = FieldValue::Kind;
  if (value.kind == Kind::number || value.kind == Kind::comma_number) {
    value.number = replaced(value.number);
  } else {
    for (const auto& [from, by] : texts_)
      if (text == from) value = {Kind::number, by};
  }
  return std::isnan(value.number) ? FieldValue{Kind::missing, 0.0} : value;
}

double FieldReader::replaced(double number) const noexcept {
  for (const auto& [from, by] : numbers_)
    if (number == from) return by;
  return number;
}

}  // namespace rbmpi
