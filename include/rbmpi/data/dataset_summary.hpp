#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rbmpi/data/data_look.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/data/row_weights.hpp"

namespace rbmpi {

/// What a dataset holds, all of it taken together.
struct DatasetSummary {
  DataLook look;                      ///< with the labels, and rows that are there twice
  std::optional<RowWeights> weights;  ///< if there are weights
  /// If there are, and some row counts: of each column the mean of value / scale over rows that count by their weights.
  std::vector<double> weighted_means;
  std::string digest;  ///< see dataset_digest.hpp
};

/// Local. Reads the whole dataset once, by whole chunks of about 64 MiB together. Throws Error(Failure::file) for
/// values outside [0, scale] and Error(Failure::interrupted) if a signal asks to stop.
[[nodiscard]] DatasetSummary summarise(const DatasetReader& reader);

}  // namespace rbmpi
