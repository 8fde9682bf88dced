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
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// The numbers of one line of metrics.jsonl by their keys (docs/formats.md).
using EpochFigures = std::map<std::string, double>;

/// How far a run has come.
enum class RunState {
  unfinished,     ///< it goes on, or waits to be resumed
  finished,       ///< all epochs are done
  stopped_early,  ///< early stopping ended it (train/early_stop.hpp)
  diverged        ///< its last job met parameters that are not finite
};

/// What a run folder tells, finished or not.
struct RunSummary {
  std::filesystem::path folder;
  std::vector<EpochFigures> epochs;                                ///< none before the end of the first one
  std::vector<std::pair<std::string, std::string>> configuration;  ///< key and value, in the order of config.ini
  std::vector<JobRecord> jobs;                                     ///< none if the run was made before there were any
  std::map<std::string, std::string> provenance;                   ///< of the model; empty if there is none yet

  /// The newest parameters: of a run that has ended well those of model.h5, of another those of its newest checkpoint
  /// that is whole, or if it has none, of its model.h5.
  struct NewestModel {
    std::string file;                    ///< its name in the folder
    std::optional<std::uint64_t> steps;  ///< that led to it; nothing for model.h5
    std::vector<Rbm> below;              ///< the layers below the one that was asked for
    Rbm rbm;
    std::vector<std::int32_t> classes;  ///< of labels that are units of this layer
    std::string digest;
  };
  std::optional<NewestModel> model;          ///< nothing until the first checkpoint
  std::string model_problem;                 ///< what is wrong with the files of models, if there is; else empty
  std::optional<TrainingProgress> progress;  ///< of the newest checkpoint

  RunState state = RunState::unfinished;
  std::string made;  ///< when this was read, UTC

  /// Whether nothing is left to do, and model.h5 is there.
  [[nodiscard]] bool finished() const noexcept {
    return state == RunState::finished || state == RunState::stopped_early;
  }

  /// The value of a key of the configuration; empty if it has none of that name.
  [[nodiscard]] std::string value(const std::string& key) const;
};

/// Local. Reads a run folder, of a training that goes on as well. Throws Error(Failure::file): the folder is not there
/// or is none of a run, there is nothing to show yet (no epoch, no checkpoint, and it has not diverged), or a text in
/// it cannot be used. A last line that is half written, and checkpoints that are damaged or go away just now, are
/// passed over. Whether it has ended is taken from the progress in its newest checkpoint; a run without checkpoints has
/// ended if it has a model.h5. `layer`: of a stack, whose epochs and parameters these are, from 0;
/// Error(Failure::usage) if the run has not come so far.
[[nodiscard]] RunSummary read_run(const std::filesystem::path& path, std::size_t layer = 0);

/// Local. The lines of metrics.jsonl, each with its numbers; `name` is that of the file in messages. A last line that
/// has no end counts only if it is whole. Throws Error(Failure::file) for another line that is no JSON object.
[[nodiscard]] std::vector<EpochFigures> parse_metrics(const std::string& name, const std::string& text);

}  // namespace rbmpi
