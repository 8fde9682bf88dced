#include "app/score_text.hpp"

#include <fmt/format.h>

namespace rbmpi {

std::string error_text(std::optional<double> standard_error) {
  return standard_error ? fmt::format("+- {:.2g}", *standard_error) : "-";
}

nlohmann::ordered_json number_or_null(std::optional<double> number) {
  return number ? nlohmann::ordered_json(*number) : nlohmann::ordered_json();
}

nlohmann::ordered_json to_json(const RowMean& score) {
  return {{"mean", score.mean}, {"standard_error", number_or_null(score.standard_error)}};
}

}  // namespace rbmpi
