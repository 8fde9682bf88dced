#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "rbmpi/evaluate/row_mean.hpp"

namespace rbmpi {

// Figures of evaluations, for people and as JSON. All of it is Local.

/// "+- 0.12"; "-" of a single row, whose error nobody knows.
[[nodiscard]] std::string error_text(std::optional<double> standard_error);
[[nodiscard]] nlohmann::ordered_json number_or_null(std::optional<double> number);
[[nodiscard]] nlohmann::ordered_json to_json(const RowMean& score);

}  // namespace rbmpi
