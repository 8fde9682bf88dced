#include "rbmpi/report/evaluation.hpp"

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

void add_figures(const Json& object, const std::string& prefix, std::vector<Evaluation::Figure>& figures) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_number()) {
      figures.push_back({.name = prefix + key, .value = value.get<double>(), .standard_error = {}});
    } else if (value.is_object()) {
      const std::optional<double> mean = number_in(value, "mean");
      if (mean) {
        figures.push_back({.name = prefix + key, .value = *mean, .standard_error = number_in(value, "standard_error")});
      } else {
        add_figures(value, prefix + key + ".", figures);
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
  add_figures(json, "", evaluation.figures);
  return evaluation;
}

}  // namespace rbmpi
