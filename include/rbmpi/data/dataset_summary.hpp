#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "rbmpi/data/data_look.hpp"
#include "rbmpi/data/dataset_file.hpp"

namespace rbmpi {

/// What the weights of rows are.
struct WeightSummary {
  double sum = 0.0;
  double squares = 0.0;  ///< sum of them
  double smallest = std::numeric_limits<double>::infinity();
  double largest = 0.0;

  /// (sum w)^2 / sum w^2: equally weighted rows of which a mean would be as uncertain; 0 if all weights are 0.
  [[nodiscard]] double effective_rows() const noexcept { return squares > 0 ? sum * sum / squares : 0; }
};

/// What a dataset holds, all of it taken together.
struct DatasetSummary {
  DataLook look;                         ///< with the labels, and rows that are there twice
  std::optional<WeightSummary> weights;  ///< if there are weights
  std::string digest;                    ///< see dataset_digest.hpp
};

/// Local. Reads the whole dataset once, by whole chunks of about 64 MiB together. Throws Error(Failure::file) for
/// values outside [0, scale] and Error(Failure::interrupted) if a signal asks to stop.
[[nodiscard]] DatasetSummary summarise(const DatasetReader& reader);

}  // namespace rbmpi
