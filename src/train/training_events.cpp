#include "rbmpi/train/training_events.hpp"

#include <nlohmann/json.hpp>

namespace rbmpi {

std::optional<double> EpochMetrics::figure(std::string_view name) const {
  for (const Figure& figure : figures) {
    if (figure.name == name) return figure.value;
  }
  return std::nullopt;
}

std::string to_json(const EpochMetrics& metrics) {
  nlohmann::ordered_json line = {{"layer", metrics.layer},     {"epoch", metrics.epoch},
                                 {"step", metrics.step},       {"samples", metrics.samples},
                                 {"seconds", metrics.seconds}, {"samples_per_second", metrics.samples_per_second}};
  for (const Figure& figure : metrics.figures) line[figure.name] = figure.value;  // null, if it is not a number
  return line.dump();
}

}  // namespace rbmpi
