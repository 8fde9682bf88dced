#include "rbmpi/report/evaluation.hpp"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/text_file.hpp"

namespace rbmpi {
namespace {

using Json = nlohmann::json;

// Values are never copied: a copy goes down as many calls as a value is nested.

/// The value of a key; null if there is none.
const Json& at(const Json& object, const char* key) {
  static const Json none;
  const auto found = object.find(key);
  return !object.is_object() || found == object.end() ? none : *found;
}

std::optional<double> number_in(const Json& object, const char* key) {
  const Json& value = at(object, key);
  return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
}

std::string text_in(const Json& object, const char* key) {
  const Json& value = at(object, key);
  return value.is_string() ? value.get<std::string>() : "";
}

std::optional<Evaluation::Partition> partition_in(const Json& log_z, const char* direction) {
  const Json& object = at(log_z, direction);
  const std::optional<double> value = number_in(object, "log_z");
  if (!value) return std::nullopt;
  return Evaluation::Partition{.log_z = {.value = *value, .standard_error = number_in(object, "standard_error")},
                               .low = number_in(object, "low"),
                               .high = number_in(object, "high"),
                               .effective_samples = number_in(object, "effective_samples"),
                               .chains = number_in(object, "chains")};
}

/// Of a classifier; nothing if there is none, or one that cannot be.
std::optional<ConfusionMatrix> confusion_in(const Json& json) {
  constexpr std::size_t most_classes = 1000;
  constexpr std::uint64_t most_rows = std::uint64_t{1} << 40U;
  const Json& classes = at(json, "classes");
  const Json& rows = at(json, "confusion");
  const std::size_t count = classes.size();
  if (!classes.is_array() || !rows.is_array() || count < 1 || count > most_classes || rows.size() != count) return {};
  ConfusionMatrix confusion;
  for (std::size_t k = 0; k < count; ++k) {
    const Json& name = at(classes[k], "class");
    if (!name.is_number_integer() || !rows[k].is_array() || rows[k].size() != count) return {};
    confusion.classes.push_back(name.get<std::int32_t>());
    if (const Json& text = at(classes[k], "name"); text.is_string()) confusion.names.push_back(text.get<std::string>());
    for (const Json& cell : rows[k]) {
      if (!cell.is_number_unsigned() || cell.get<std::uint64_t>() > most_rows) return {};
      confusion.counts.push_back(cell.get<std::uint64_t>());
    }
  }
  if (confusion.names.size() != count) confusion.names.clear();
  return confusion.rows() > 0 ? std::optional(std::move(confusion)) : std::nullopt;
}

}  // namespace

Evaluation read_evaluation(const std::filesystem::path& file) {
  constexpr std::size_t longest = std::size_t{1} << 20U;
  const Json parsed = Json::parse(read_text_file(file, longest), nullptr, /*allow_exceptions=*/false);
  const Json nothing = Json::object();
  const Json& json = parsed.is_object() ? parsed : nothing;
  Evaluation evaluation;
  evaluation.file = file;
  evaluation.model_digest = text_in(json, "model_digest");
  evaluation.data = text_in(json, "data");
  evaluation.binarise = text_in(json, "binarise");
  evaluation.rows = number_in(json, "rows");
  evaluation.grey_rows = number_in(json, "grey_rows");
  for (const auto& [key, value] : json.items()) {
    if (key == "log_likelihood" || !value.is_object()) continue;
    const std::optional<double> mean = number_in(value, "mean");
    // So it was called before training's own was told from it.
    const std::string name = key == "reconstruction_mse" ? "mean_field_mse" : key;
    if (mean) evaluation.scores[name] = {.value = *mean, .standard_error = number_in(value, "standard_error")};
  }
  const Json& log_z = at(json, "log_z");
  if (text_in(log_z, "method") == "exact") evaluation.exact_log_z = number_in(log_z, "value");
  evaluation.forward = partition_in(log_z, "forward");
  evaluation.reverse = partition_in(log_z, "reverse");
  evaluation.temperatures = number_in(log_z, "temperatures");
  evaluation.confusion = confusion_in(json);
  const Json& likelihood = at(json, "log_likelihood");
  evaluation.log_likelihood = number_in(likelihood, "mean");
  evaluation.partition_error = number_in(likelihood, "partition_error");
  evaluation.data_error = number_in(likelihood, "data_error");
  if (const Json& warnings = at(json, "warnings"); warnings.is_array()) {
    for (const Json& warning : warnings) {
      if (warning.is_string()) evaluation.warnings.push_back(warning.get<std::string>());
    }
  }
  if (evaluation.scores.empty() && !evaluation.log_likelihood) {
    throw Error(Failure::file,
                fmt::format("'{}' has no figures; what 'rbmpi evaluate --json' prints would be right", file.string()));
  }
  return evaluation;
}

}  // namespace rbmpi
