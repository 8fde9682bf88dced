#include "rbmpi/train/checkpoint_writer.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/core/child_process.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/hdf5_in_use.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "train/kept_chains.hpp"

namespace rbmpi {
namespace {

void copy_to(Model& model, const TrainingState& state) {
  const std::span<Real> parameters =
      model.net ? model.net->parameters() : model.layers.at(state.progress.layer).parameters();
  std::ranges::copy(state.parameters, parameters.begin());
}

}  // namespace

/// What the two threads share. The copies, the file and the settings belong to the writing thread while `busy`, else to
/// the other; the rest is guarded by the mutex.
struct CheckpointWriter::Shared {
  Shared(RunFolder run_folder, std::uint64_t checkpoints_kept)
      : folder(std::move(run_folder)), keep(checkpoints_kept) {}

  RunFolder folder;
  std::uint64_t keep;
  Checkpoint checkpoint;       ///< the copy; its buffers are used again
  std::filesystem::path file;  ///< that is written; empty: none but best.h5
  bool is_checkpoint = true;
  Model best;               ///< the copy for best.h5
  bool best_waits = false;  ///< whether it is not written yet
  std::uint64_t best_steps = 0;

  std::mutex mutex;
  std::condition_variable changed;
  bool busy = false;
  bool end = false;
  std::vector<Outcome> outcomes;
  std::thread thread;

  /// Writes by `save` and notes how that ended; whether it is written.
  bool write(Outcome outcome, const std::function<void()>& save);
  bool write_checkpoint(const std::function<void()>& save);
  void write_all();
  void run();
};

bool CheckpointWriter::Shared::write(Outcome outcome, const std::function<void()>& save) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  try {
    const std::scoped_lock in_use(hdf5_in_use());
    save();
  } catch (const std::exception& error) {  // no reason to end the training
    outcome.problem = error.what();
  }
  outcome.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const bool written = outcome.problem.empty();
  const std::scoped_lock lock(mutex);
  outcomes.push_back(std::move(outcome));
  return written;
}

bool CheckpointWriter::Shared::write_checkpoint(const std::function<void()>& save) {
  const std::uint64_t steps = checkpoint.progress.steps;
  return write({.file = file, .is_checkpoint = true, .steps = steps, .problem = {}}, [&] {
    save();
    folder.remove_old_checkpoints(steps, keep);
  });
}

void CheckpointWriter::Shared::write_all() {
  // Before a checkpoint that says which epoch was the best.
  if (best_waits) {
    const Outcome outcome{.file = folder.best(), .is_checkpoint = false, .steps = best_steps, .problem = {}};
    best_waits = !write(outcome, [this] { save_model(folder.best(), best); });
  }
  if (file.empty()) return;
  if (is_checkpoint) {
    write_checkpoint([this] { save_checkpoint(file, checkpoint); });
  } else {
    const std::uint64_t steps = checkpoint.progress.steps;
    write({.file = file, .is_checkpoint = false, .steps = steps, .problem = {}},
          [this] { save_model(file, checkpoint.model); });
  }
}

void CheckpointWriter::Shared::run() {
  std::unique_lock lock(mutex);
  for (;;) {
    changed.wait(lock, [&] { return busy || end; });
    if (!busy) return;
    lock.unlock();
    write_all();
    lock.lock();
    busy = false;
    changed.notify_all();
  }
}

CheckpointWriter::CheckpointWriter(RunFolder folder, std::uint64_t keep)
    : shared_(std::make_unique<Shared>(std::move(folder), keep)) {
  shared_->thread = std::thread([shared = shared_.get()] { shared->run(); });
}

CheckpointWriter::~CheckpointWriter() {
  {
    const std::scoped_lock lock(shared_->mutex);
    shared_->end = true;
  }
  shared_->changed.notify_all();
  shared_->thread.join();
}

void CheckpointWriter::describe(Model model) {
  wait();
  shared_->checkpoint.model = std::move(model);
  if (!shared_->best_waits) shared_->best = {};  // it may have had another shape
}

bool CheckpointWriter::idle() const {
  const std::scoped_lock lock(shared_->mutex);
  return !shared_->busy;
}

void CheckpointWriter::keep_checkpoint(const TrainingState& state, const std::string& metrics) {
  wait();
  copy_all(state, metrics);
  start(true, shared_->folder.checkpoint(state.progress.steps));
}

void CheckpointWriter::keep_last_checkpoint(const TrainingState& state, const std::string& metrics) {
  wait();
  shared_->checkpoint.progress = state.progress;
  shared_->file = shared_->folder.checkpoint(state.progress.steps);
  shared_->write_checkpoint([&] {
    const std::filesystem::path& file = shared_->file;
    const auto copy_and_save = [&] {
      if (shared_->best_waits) {
        try {  // there may be no later time; if there is one, it is tried again
          save_model(shared_->folder.best(), shared_->best);
        } catch (const Error&) {  // the checkpoint matters more
        }
      }
      copy_all(state, metrics);  // in the child; nobody changes the parameters any more, shared or not
      save_checkpoint(file, shared_->checkpoint);
      return std::string();
    };
    try {
      (void)run_in_child(fmt::format("write '{}'", file.string()), copy_and_save,
                         {.limit_memory = false, .outlives_parent = true});
    } catch (const Error&) {
      (void)copy_and_save();  // no process could be made, or not enough memory for its copy: then in this one
    }
  });
}

void CheckpointWriter::copy_all(const TrainingState& state, const std::string& metrics) {
  copy_parameters(state);
  std::vector<SavedState::Memory>& copies = shared_->checkpoint.optimizer;
  copies.resize(state.optimizer.size());
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const OptimizerMemory& memory = state.optimizer[i];
    if (copies[i].values.size() != memory.values.size()) copies[i].values = AlignedBuffer<Real>(memory.values.size());
    copies[i].name = memory.name;
    copies[i].rows = memory.rows;
    copies[i].columns = memory.columns;
    std::ranges::copy(memory.values, copies[i].values.data());
  }
  std::vector<SavedState::Array>& arrays = shared_->checkpoint.arrays;
  arrays.resize(state.arrays.size());
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    const StateArray& array = state.arrays[i];
    AlignedBuffer<std::byte> values = std::move(arrays[i].values);
    if (values.size() != array.values.size()) values = AlignedBuffer<std::byte>(array.values.size());
    std::ranges::copy(array.values, values.data());
    arrays[i] = {array.name, array.type, array.rows, array.columns, std::move(values)};
  }
  shared_->checkpoint.metrics = metrics;
}

void CheckpointWriter::keep_snapshot(const TrainingState& state) {
  wait();
  copy_parameters(state);
  start(false, shared_->folder.snapshot(state.progress.steps));
}

void CheckpointWriter::reserve_best() {
  wait();
  const Model& model = shared_->checkpoint.model;
  if (!shared_->best.layers.empty() || shared_->best.net) return;
  shared_->best.configuration = model.configuration;
  shared_->best.provenance = model.provenance;
  for (const Rbm& layer : model.layers) shared_->best.layers.emplace_back(layer.shape());
  if (model.net) shared_->best.net.emplace(model.net->shape());
  shared_->best.classes = model.classes;
  shared_->best.class_names = model.class_names;
  shared_->best.code_layer = model.code_layer;
  shared_->best.chains = model.chains;
}

void CheckpointWriter::keep_best(const TrainingState& state) {
  reserve_best();
  shared_->best.provenance["epoch"] = fmt::format("{}", state.progress.best_epoch);
  copy_to(shared_->best, state);
  if (!shared_->best.net) {
    const std::size_t layer = state.progress.layer;
    ChainStates chains = kept_chains(state.arrays, shared_->best.layers[layer].shape());
    if (chains.rows > 0) shared_->best.chains[layer] = std::move(chains);
  }
  shared_->best_steps = state.progress.steps;
  shared_->best_waits = true;
  start(false, {});
}

void CheckpointWriter::retry_best() {
  wait();
  if (shared_->best_waits) start(false, {});
}

void CheckpointWriter::copy_parameters(const TrainingState& state) {
  copy_to(shared_->checkpoint.model, state);
  shared_->checkpoint.progress = state.progress;
}

void CheckpointWriter::start(bool is_checkpoint, std::filesystem::path file) {
  shared_->file = std::move(file);
  shared_->is_checkpoint = is_checkpoint;
  {
    const std::scoped_lock lock(shared_->mutex);
    shared_->busy = true;
  }
  shared_->changed.notify_all();
}

void CheckpointWriter::wait() {
  std::unique_lock lock(shared_->mutex);
  shared_->changed.wait(lock, [&] { return !shared_->busy; });
}

std::vector<CheckpointWriter::Outcome> CheckpointWriter::outcomes() {
  const std::scoped_lock lock(shared_->mutex);
  return std::exchange(shared_->outcomes, {});
}

std::uint64_t checkpoint_memory(std::span<const ParameterLayout> layers, const OptimizationOptions& options) {
  Arena counted(ArenaUse::count);
  for (const ParameterLayout& layout : layers) {
    (void)counted.take<Real>(layout.size());
    Arena of_optimizer(ArenaUse::count);
    (void)optimizer(options.optimizer).make(layout, options, of_optimizer);
    counted.expect(of_optimizer.taken());
  }
  return counted.most();
}

}  // namespace rbmpi
