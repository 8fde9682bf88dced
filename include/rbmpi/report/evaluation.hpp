#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rbmpi/evaluate/confusion_matrix.hpp"

namespace rbmpi {

/// What `rbmpi evaluate --json` wrote (docs/formats.md). What it did not, or not as a number, is nothing.
struct Evaluation {
  struct Figure {
    double value = 0;
    std::optional<double> standard_error;
  };
  /// Whether it is of a net.
  [[nodiscard]] bool is_of_net() const { return confusion.has_value() || scores.contains("squared_error"); }

  /// log Z by AIS in one direction.
  struct Partition {
    Figure log_z;
    std::optional<double> low;   ///< three standard errors of the mean weight below
    std::optional<double> high;  ///< and above; nothing if they are infinite
    std::optional<double> effective_samples;
    std::optional<double> chains;
  };

  std::filesystem::path file;
  std::string model_digest;  ///< empty if it has none
  std::string data;
  std::string binarise;                      ///< "sample", "threshold", "none", or empty
  std::optional<double> rows;                ///< of the data, that were used
  std::optional<double> grey_rows;           ///< of these, with values other than 0 and 1 when they were used
  std::map<std::string, Figure> scores;      ///< "free_energy" and the like: means over the rows
  std::optional<double> exact_log_z;         ///< by enumeration
  std::optional<Partition> forward;          ///< or else by AIS
  std::optional<Partition> reverse;          ///< from samples of the model
  std::optional<double> temperatures;        ///< of AIS
  std::optional<double> log_likelihood;      ///< mean over the rows
  std::optional<double> partition_error;     ///< its standard error from that of log Z
  std::optional<double> data_error;          ///< and from the spread of the rows
  std::vector<std::string> warnings;         ///< sentences on what to doubt
  std::optional<ConfusionMatrix> confusion;  ///< of a classifier
};

/// Local. Throws Error(Failure::file) if the file cannot be read or is none of that kind.
[[nodiscard]] Evaluation read_evaluation(const std::filesystem::path& file);

}  // namespace rbmpi
