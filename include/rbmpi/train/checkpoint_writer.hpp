#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/model/parameter_layout.hpp"
#include "rbmpi/train/checkpoint.hpp"
#include "rbmpi/train/run_folder.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// Writes the checkpoints and snapshots of a run in a thread of its own, while training goes on: `keep_...` copies the
/// state and returns. While something is being written no other thread of this process may call HDF5, which is not
/// thread-safe, and it holds hdf5_in_use() (rbmpi/storage/hdf5_in_use.hpp). Every method is Local, for one thread, the
/// root's; none calls MPI. Not copyable.
class CheckpointWriter {
 public:
  /// How the writing of one file ended.
  struct Outcome {
    std::filesystem::path file;
    bool is_checkpoint = true;  ///< else a model
    std::uint64_t steps = 0;
    std::string problem;  ///< empty: all is well
    double seconds = 0;   ///< that the writing took
  };

  /// `keep`: how many checkpoints stay; older ones are removed after a new one is safe.
  CheckpointWriter(RunFolder folder, std::uint64_t keep);
  /// Waits for what is being written.
  ~CheckpointWriter();
  CheckpointWriter(const CheckpointWriter&) = delete;
  CheckpointWriter& operator=(const CheckpointWriter&) = delete;

  /// What the files say of the run, besides its state, and all layers up to the one that is trained, whose parameters
  /// do not matter. To be given before the first file, and when the training goes on to another layer.
  void describe(Model model);

  /// Whether nothing is being written: else `keep_...` would have to wait.
  [[nodiscard]] bool idle() const;
  /// Keeps `checkpoint-<steps>.h5`. `metrics`: the lines of metrics.jsonl so far.
  void keep_checkpoint(const TrainingState& state, const std::string& metrics);
  /// The same, but returns when it is written. Once begun, it is finished even if this process is killed: mpirun gives
  /// its ranks one second between SIGTERM and SIGKILL. So a child process in a session of its own writes it.
  void keep_last_checkpoint(const TrainingState& state, const std::string& metrics);
  /// Keeps the parameters as `snapshot-<steps>.h5`, a model.
  void keep_snapshot(const TrainingState& state);
  /// Makes room for the copy of a best model, which nothing else can be copied into, if there is none yet.
  void reserve_best();
  /// The same as `best.h5`, a model whose provenance has its `epoch`, `progress.best_epoch`. The state is gone after
  /// the next step, so its copy stays until it is written: what cannot be written is tried again before the next file.
  void keep_best(const TrainingState& state);
  /// Tries at once what `keep_best` could not write, if there is such a copy.
  void retry_best();
  /// Until nothing is being written.
  void wait();

  /// Takes the outcomes since the last call, in order.
  [[nodiscard]] std::vector<Outcome> outcomes();

 private:
  struct Shared;
  void copy_parameters(const TrainingState& state);
  void copy_all(const TrainingState& state, const std::string& metrics);
  void start(bool is_checkpoint, std::filesystem::path file);

  std::unique_ptr<Shared> shared_;
};

/// Local. Bytes that a CheckpointWriter copies of a run that trains these layers one after the other: all parameters,
/// and what the optimizer of a layer remembers.
[[nodiscard]] std::uint64_t checkpoint_memory(std::span<const ParameterLayout> layers,
                                              const OptimizationOptions& options);

}  // namespace rbmpi
