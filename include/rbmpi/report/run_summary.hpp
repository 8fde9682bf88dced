#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "rbmpi/model/chain_states.hpp"
#include "rbmpi/model/model_file.hpp"
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

/// What a run trains: RBMs, one upon the other if there are several, or a net.
enum class RunKind { machines, classifier, autoencoder };

/// What a run folder tells, finished or not.
struct RunSummary {
  std::filesystem::path folder;
  RunKind kind = RunKind::machines;
  std::vector<EpochFigures> epochs;                                ///< of all layers; none before the end of the first
  std::vector<std::pair<std::string, std::string>> configuration;  ///< key and value, in the order of config.ini
  std::vector<JobRecord> jobs;                                     ///< none if the run was made before there were any
  std::map<std::string, std::string> provenance;                   ///< of the model; empty if there is none yet

  /// Of a net with rows to validate on, its best parameters so far, those of best.h5. Else the newest: of a run that
  /// has ended well those of model.h5, of another those of its newest checkpoint that is whole, or if it has none, of
  /// its model.h5.
  struct ShownModel {
    std::string file;                    ///< its name in the folder
    std::optional<std::uint64_t> steps;  ///< that led to it; of checkpoints
    Model model;
    std::string digest;
  };
  std::optional<ShownModel> model;           ///< nothing until the first checkpoint
  std::string model_problem;                 ///< what is wrong with the files of models, if there is; else empty
  std::optional<TrainingProgress> progress;  ///< of the newest checkpoint

  RunState state = RunState::unfinished;
  std::string made;  ///< when this was read, UTC

  [[nodiscard]] bool is_net() const noexcept { return kind != RunKind::machines; }
  /// RBMs that it trains, or is to train; 1 of a net, whose layers are trained together.
  [[nodiscard]] std::size_t layers() const;
  /// Whether nothing is left to do, and model.h5 is there.
  [[nodiscard]] bool finished() const noexcept {
    return state == RunState::finished || state == RunState::stopped_early;
  }

  /// The value of a key of the configuration; empty if it has none of that name.
  [[nodiscard]] std::string value(const std::string& key) const;
  /// The value for a layer, from 0, where there is one for each: of "50/20", the last one holds for those above.
  [[nodiscard]] std::string value(const std::string& key, std::size_t layer) const;
};

/// One layer of a run of RBMs, as its sections look at it; the run must live on.
struct RunLayer {
  const RunSummary* run = nullptr;
  std::size_t number = 0;            ///< from 0
  std::vector<EpochFigures> epochs;  ///< of this layer
  RunState state = RunState::unfinished;
  const Rbm* rbm = nullptr;             ///< nothing until the first checkpoint that has it
  std::span<const Rbm> below;           ///< the layers below it
  std::vector<std::int32_t> classes;    ///< of labels that are units of this layer, the last visible ones
  const ChainStates* chains = nullptr;  ///< that it was trained with, if the model has them
};

/// Local. Throws Error(Failure::usage) if the run has not come so far, or is of a net.
[[nodiscard]] RunLayer layer_of(const RunSummary& run, std::size_t number);

/// Local. The layers of a run of RBMs that have been begun, the lowest first; at least that one.
[[nodiscard]] std::vector<RunLayer> begun_layers(const RunSummary& run);

/// Local. Reads a run folder, of a training that goes on as well. Throws Error(Failure::file): the folder is not there
/// or is none of a run, there is nothing to show yet (no epoch, no checkpoint, and it has not diverged), or a text in
/// it cannot be used. A last line that is half written, and checkpoints that are damaged or go away just now, are
/// passed over. Whether it has ended is taken from the progress in its newest checkpoint; a run without checkpoints has
/// ended if it has a model.h5.
[[nodiscard]] RunSummary read_run(const std::filesystem::path& path);

/// Local. The lines of metrics.jsonl, each with its numbers; `name` is that of the file in messages. A last line that
/// has no end counts only if it is whole. Throws Error(Failure::file) for another line that is no JSON object.
[[nodiscard]] std::vector<EpochFigures> parse_metrics(const std::string& name, const std::string& text);

}  // namespace rbmpi
