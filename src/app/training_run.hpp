#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/configuration.hpp"
#include "app/job_recorder.hpp"
#include "app/layout.hpp"
#include "app/progress.hpp"
#include "app/run_recorder.hpp"
#include "app/run_start.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/data/node_samples.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/parallel/watchdog.hpp"
#include "rbmpi/train/greedy_training.hpp"
#include "rbmpi/train/optimize.hpp"
#include "rbmpi/train/run_folder.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {

/// The data of a run in memory, and the views of them that training takes.
struct LoadedData {
  std::optional<NodeSamples> samples;
  std::optional<NodeSamples> validation_samples;  ///< if they come from a file of their own
  TrainingData views;

  /// Of the file to validate on; empty if there is none.
  [[nodiscard]] std::string validation_digest() const {
    return validation_samples ? validation_samples->digest() : std::string();
  }
  /// Of the labels 0, 1, ... of the data, or none: labels are numbers.
  [[nodiscard]] const std::vector<std::string>& class_names() const { return samples->info().class_names; }
  /// The same of the file to validate on.
  [[nodiscard]] std::vector<std::string> validation_class_names() const {
    return validation_samples ? validation_samples->info().class_names : std::vector<std::string>();
  }
  /// Of all samples on one node.
  [[nodiscard]] std::uint64_t bytes() const;
};

/// A run of a command that trains: what such commands have in common, from the arguments to the model in the folder of
/// the run. They call its methods in the order in which they stand here; all are Collective and throw what has to be
/// said to the user, an AgreedError.
class TrainingRun {
 public:
  /// Takes over the folder of the run and finds the layout. `command`, `arguments`: what the user wrote, for the
  /// provenance.
  TrainingRun(const char* command, const std::vector<std::string>& arguments, const TrainSettings& settings,
              const Communicator& world);

  /// What has to be known of a training before its data are read.
  struct Memory {
    std::uint64_t rank = 0;        ///< bytes of each rank besides the samples
    std::uint64_t checkpoint = 0;  ///< of the copy that is written as a checkpoint (checkpoint_memory)
    std::uint64_t best = 0;        ///< of that of the best model, if one is kept
  };
  /// Reads the data. Throws before they are if the memory of a node does not suffice; `memory`: of training on such
  /// data.
  void load_data(const std::function<Memory(const DatasetInfo& info)>& memory);
  [[nodiscard]] const LoadedData& data() const noexcept { return data_; }
  [[nodiscard]] const Layout& layout() const noexcept { return layout_; }
  /// Rows of the data that are shuffled together; 0: all.
  [[nodiscard]] std::uint64_t shuffle_block() const noexcept { return shuffle_block_; }

  /// The model of the run as it is, on the root; null if there is none yet, and elsewhere.
  [[nodiscard]] const Model* model_so_far() const noexcept { return start_ ? start_->model_so_far() : nullptr; }
  /// Whether nothing is left to be done, which it says. Throws if the run is on other data, or began with another model
  /// than that of this digest.
  [[nodiscard]] bool is_finished(const std::string& pretrained_digest = {});

  /// A model of this run without parameters: its configuration and where it comes from.
  [[nodiscard]] Model description() const;
  /// Adds to where its models come from. Before `begin`.
  void add_provenance(const std::string& name, const std::string& value) { provenance_[name] = value; }

  /// Makes the folder ready and says what begins; the root calls `print_banner` and `describe`: what the files of the
  /// run say of it (CheckpointWriter::describe), as far as it is known already. `steps`: of the whole run; 0: as the
  /// settings have them for one layer.
  void begin(const std::function<void()>& print_banner, const std::function<Model()>& describe,
             std::uint64_t steps = 0);
  /// Local. A layer begins, or goes on, in training of one layer after the other.
  void begin_layer(const LayerBeginning& beginning, std::size_t layers);

  /// Runs `train(events, checkpoint)`, of which the root has a checkpoint if there is one to go on from, and returns
  /// its result, an OptimizationOutcome and more. Throws if the training was stopped.
  template <typename Train>
  [[nodiscard]] auto train(const Train& train) {
    const TrainingEvents events = make_events();
    const auto with_record = [&] {
      try {
        return train(events, std::move(checkpoint_));
      } catch (const Error& error) {
        if (job_) job_->fail(error);
        throw;
      }
    };
    auto result = with_record();
    end_training(result);
    return result;
  }

  /// The last epoch that was trained.
  [[nodiscard]] const EpochMetrics& last_epoch() const noexcept { return last_epoch_; }

  /// Saves the model of the root and says how it went; `end`: a line on how good it is. Throws if some of what the
  /// run should leave behind is not there.
  void finish(const Model& model, const OptimizationOutcome& outcome, const std::string& end);

 private:
  [[nodiscard]] std::string metrics_to_go_on_from() const;
  void watch_the_time() const;
  [[nodiscard]] TrainingEvents make_events();
  void end_training(const OptimizationOutcome& outcome);
  [[noreturn]] void throw_stopped(const TrainingProgress& progress, const std::string& reason) const;
  void print_finished();
  void print_early_stop(const TrainingProgress& progress, const std::string& lost) const;
  void print_summary(const Model& model, const OptimizationOutcome& outcome, const std::string& end,
                     std::uint64_t rank_memory, const std::string& lost) const;

  const RunRecorder::Clock::time_point begin_;
  /// Collective. Draws so many rows and puts them at the end.
  void hold_out_sample(std::uint64_t count);
  /// Local. Refuses rows that say nothing.
  void check_weights() const;

  const TrainSettings& settings_;
  std::uint64_t shuffle_block_ = 0;
  const Communicator& world_;
  const RunFolder folder_;
  const Watchdog watchdog_;
  std::optional<RunStart> start_;  // this and what follows without a comment: the root's alone
  const Layout layout_;            // of every rank
  LoadedData data_;                // of every rank
  std::string command_line_;
  std::uint64_t checkpoint_bytes_ = 0;             // of every rank
  std::map<std::string, std::string> provenance_;  // of every rank
  std::optional<Checkpoint> checkpoint_;
  std::optional<Progress> progress_;
  std::optional<RunRecorder> recorder_;
  std::optional<JobRecorder> job_;
  EpochMetrics last_epoch_;  // of every rank
  std::size_t layers_ = 1;   // of every rank
};

/// Local. What training goes on from: the state of the last layer in a checkpoint; nothing if there is none.
[[nodiscard]] std::optional<SavedState> saved_state(std::optional<Checkpoint> checkpoint);

/// Local. Lines of a banner: on the data of a run, and on its memory, work and output; `rank_memory`: bytes of each
/// rank besides the samples.
void print_data(const TrainSettings& settings, const LoadedData& data);
/// `work`: what is done, if it is not just the epochs of the settings.
void print_training(const TrainSettings& settings, const TrainingRun& run, std::uint64_t rank_memory,
                    const std::string& work = {});

}  // namespace rbmpi
