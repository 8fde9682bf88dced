#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rbmpi/model/rbm.hpp"
#include "rbmpi/train/job_log.hpp"

namespace rbmpi {

/// The numbers of one line of metrics.jsonl by their keys (docs/formats.md).
using EpochFigures = std::map<std::string, double>;

/// What a run folder tells, finished or not.
struct RunSummary {
  std::filesystem::path folder;
  std::vector<EpochFigures> epochs;                                ///< at least one
  std::vector<std::pair<std::string, std::string>> configuration;  ///< key and value, in the order of config.ini
  std::vector<JobRecord> jobs;                                     ///< none if the run was made before there were any
  std::map<std::string, std::string> provenance;                   ///< of the model; empty if there is none yet

  /// The newest parameters: of a finished run those of model.h5, of another those of its newest checkpoint that is
  /// whole, or else of the model.h5 that it has from an earlier end.
  struct NewestModel {
    std::string file;                    ///< its name in the folder
    std::optional<std::uint64_t> steps;  ///< that led to it; nothing for model.h5
    Rbm rbm;
    std::string digest;
  };
  std::optional<NewestModel> model;  ///< nothing until the first checkpoint

  bool finished = false;  ///< whether model.h5 is there, and all epochs are done or early stopping ended it
  std::string made;       ///< when this was read, UTC

  /// The value of a key of the configuration; empty if it has none of that name.
  [[nodiscard]] std::string value(const std::string& key) const;
};

/// Local. Reads a run folder, of a training that goes on as well. Throws Error(Failure::file): the folder is not there
/// or is none of a run, the run has no epoch yet, or a file in it cannot be used. A last line that is half written, and
/// checkpoints that are damaged or go away just now, are passed over.
[[nodiscard]] RunSummary read_run(const std::filesystem::path& path);

/// Local. The lines of metrics.jsonl, each with its numbers; `name` is that of the file in messages. A last line that
/// has no end counts only if it is whole. Throws Error(Failure::file) for another line that is no JSON object.
[[nodiscard]] std::vector<EpochFigures> parse_metrics(const std::string& name, const std::string& text);

}  // namespace rbmpi
