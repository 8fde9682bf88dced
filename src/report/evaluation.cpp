#include "rbmpi/report/evaluation.hpp"

#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/text_file.hpp"

namespace rbmpi {
namespace {

using Json = nlohmann::ordered_json;

std::optional<double> number_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

/// The standard error of a mean: one number, or that of log Z and that of the rows.
std::optional<double> error_in(const Json& object) {
  const std::optional<double> partition = number_in(object, "partition_error");
  const std::optional<double> data = number_in(object, "data_error");
  if (partition && data) return std::hypot(*partition, *data);
  return number_in(object, "standard_error");
}

/// The numbers of an object and of those in it, `depth` levels down.
// NOLINTNEXTLINE(misc-no-recursion): the plain way through a tree, and not far
void add_figures(const Json& object, const std::string& prefix, int depth, std::vector<Evaluation::Figure>& figures) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_number()) {
      figures.push_back({.name = prefix + key, .value = value.get<double>(), .standard_error = {}});
    } else if (value.is_object()) {
      if (const std::optional<double> mean = number_in(value, "mean")) {
        figures.push_back({.name = prefix + key, .value = *mean, .standard_error = error_in(value)});
      } else if (depth > 0) {
        add_figures(value, prefix + key + ".", depth - 1, figures);
      }
    }
  }
}

std::string text_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_string() ? "" : found->get<std::string>();
}

}  // namespace

Evaluation read_evaluation(const std::filesystem::path& file) {
  constexpr std::size_t longest = std::size_t{1} << 20U;
  const Json json = Json::parse(read_text_file(file, longest), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    throw Error(Failure::file, fmt::format("'{}' is no JSON object; what 'rbmpi evaluate --json' prints would be right",
                                           file.string()));
  }
  Evaluation evaluation{
      .file = file, .model_digest = text_in(json, "model_digest"), .data = text_in(json, "data"), .figures = {}};
  add_figures(json, "", 2, evaluation.figures);
  return evaluation;
}

}  // namespace rbmpi
