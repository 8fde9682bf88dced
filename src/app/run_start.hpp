#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "app/configuration.hpp"
#include "rbmpi/train/checkpoint.hpp"
#include "rbmpi/train/run_folder.hpp"
#include "rbmpi/train/run_lock.hpp"

namespace rbmpi {

/// How a run begins in its folder. For the root only; everything is Local and throws an Error that names the folder.
class RunStart {
 public:
  /// Looks at the folder and, if it is there, locks it. Throws Error(Failure::file) if another job is at work in it for
  /// ten seconds more, which `warn` is told of,
  /// Error(Failure::usage) if it holds a run of another configuration. Damaged checkpoints are told to `warn`.
  RunStart(const TrainSettings& settings, const std::function<void(const std::string&)>& warn);

  /// Whether there is nothing left to do, and the model of the run. One that is lost is written anew from the last
  /// checkpoint.
  [[nodiscard]] bool is_finished() const noexcept { return finished_model_.has_value(); }
  [[nodiscard]] const Model& finished_model() const { return *finished_model_; }

  /// The checkpoint to go on from, if there is one.
  [[nodiscard]] std::optional<Checkpoint>& checkpoint() noexcept { return checkpoint_; }
  /// The model of the run as it is; null if there is none yet.
  [[nodiscard]] const Model* model_so_far() const noexcept {
    return finished_model_ ? &*finished_model_ : checkpoint_ ? &checkpoint_->model : nullptr;
  }
  /// Throws Error(Failure::usage) if the run is on other data, or began with another model. An empty digest is that of
  /// anything.
  void check_origin(const std::string& dataset_digest, const std::string& validation_digest,
                    const std::string& pretrained_digest) const;

  /// Makes the folder ready, when all else is well: a new one, one with what a killed job left half-written removed,
  /// or, to start over, the old one moved aside; where to is the result, empty if nowhere.
  [[nodiscard]] std::filesystem::path prepare();

 private:
  void find_run(const std::function<void(const std::string&)>& warn);
  void take_checkpoint(const std::function<void(const std::string&)>& warn);
  /// Throws unless the finished layers below that of the checkpoint are as the settings want them.
  void check_layers_below(const GreedyOptions& stack) const;
  void take_model();
  void lock(const std::function<void(const std::string&)>& warn);

  TrainSettings settings_;
  RunFolder folder_;
  std::optional<RunLock> lock_;
  std::optional<Checkpoint> checkpoint_;
  std::optional<Model> finished_model_;
  std::map<std::string, std::string> provenance_;  ///< of what was found
};

}  // namespace rbmpi
