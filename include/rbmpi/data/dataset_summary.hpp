#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "rbmpi/data/dataset_file.hpp"

namespace rbmpi {

/// What the labels of a dataset are.
struct LabelSummary {
  std::uint64_t count = 0;
  std::uint64_t classes = 0;  ///< number of different values
  std::int32_t minimum = 0;
  std::int32_t maximum = 0;
};

/// What the values of a dataset are, taken together.
struct DatasetSummary {
  double minimum = 0.0;                ///< stored values, not divided by the scale
  double maximum = 0.0;                ///< stored values, not divided by the scale
  double mean = 0.0;                   ///< of value / scale: the mean probability
  double zeros = 0.0;                  ///< share of values that are zero
  std::optional<LabelSummary> labels;  ///< if there are labels
  std::string digest;                  ///< see dataset_digest.hpp
};

/// Local. Reads the whole dataset once, by whole chunks of about 64 MiB together. Throws Error(Failure::file) for
/// values outside [0, scale] and Error(Failure::interrupted) if a signal asks to stop.
[[nodiscard]] DatasetSummary summarise(const DatasetReader& reader);

}  // namespace rbmpi
