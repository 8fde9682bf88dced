#include "import/field_reader.hpp"

namespace rbmpi {

FieldReader::FieldReader(const std::vector<std::pair<std::string, double>>& replaced, bool decimal_commas)
    : decimal_commas_(decimal_commas), replaces_(!replaced.empty()) {
  for (const auto& [text, by] : replaced) {
    const FieldValue value = field_value(text, false);
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
    return value;
  }
  for (const auto& [from, by] : texts_)
    if (text == from) return {Kind::number, by};
  return value;
}

double FieldReader::replaced(double number) const noexcept {
  for (const auto& [from, by] : numbers_)
    if (number == from) return by;
  return number;
}

}  // namespace rbmpi
