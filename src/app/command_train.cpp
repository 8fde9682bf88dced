#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/command.hpp"
#include "app/configuration.hpp"
#include "app/hang.hpp"
#include "app/job_recorder.hpp"
#include "app/layout.hpp"
#include "app/progress.hpp"
#include "app/run_recorder.hpp"
#include "app/run_start.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/version.hpp"
#include "rbmpi/data/node_samples.hpp"
#include "rbmpi/model/model_file.hpp"
#include "rbmpi/parallel/watchdog.hpp"
#include "rbmpi/train/early_stop.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "rbmpi/train/rank_layout.hpp"
#include "rbmpi/train/run_folder.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {
namespace {

/// The data in memory, and the views of them that training takes.
struct LoadedData {
  std::optional<NodeSamples> samples;
  std::optional<NodeSamples> validation_samples;  ///< if they come from a file of their own
  TrainingData views;

  /// Of the file to validate on; empty if there is none.
  [[nodiscard]] std::string validation_digest() const {
    return validation_samples ? validation_samples->digest() : std::string();
  }
  /// Of all samples on one node.
  [[nodiscard]] std::uint64_t bytes() const {
    const auto size = [](const Samples& all) { return all.rows * all.row_bytes(); };
    return size(samples->samples()) + (validation_samples ? size(validation_samples->samples()) : 0);
  }

  void release() {
    if (validation_samples) validation_samples->release();
    samples->release();
  }
};

/// The share of the rows that `validation` names, or nothing if it names a file.
std::optional<double> validation_share(const std::string& validation) {
  const std::optional<double> share = parse_number(validation);
  if (!share || (*share > 0 && *share < 1)) return share;
  throw Error(Failure::usage,
              fmt::format("validation = {}: a share of the rows must be more than 0 and less than 1", validation));
}

/// What a checkpoint takes, in memory and about as much on the disk.
std::uint64_t checkpoint_bytes(const TrainSettings& settings, std::uint64_t visible) {
  const RbmShape shape{visible, settings.training.hidden};
  return CheckpointWriter::memory(shape.parameters(), optimizer_memory(rbm_blocks(shape), settings.training));
}

/// The share of one rank in what the root needs on its node to keep checkpoints.
std::uint64_t checkpoint_memory(const TrainSettings& settings, std::uint64_t visible, const Layout& layout) {
  if (!layout.has_root) return 0;
  const RbmShape shape{visible, settings.training.hidden};
  const std::uint64_t best = settings.training.early_stop == EarlyStop::off ? 0 : shape.parameters() * sizeof(Real);
  return (checkpoint_bytes(settings, visible) + best) / static_cast<std::uint64_t>(layout.node.size());
}

/// Collective.
LoadedData load_data(const TrainSettings& settings, const Communicator& world, const Layout& layout) {
  std::optional<double> share;
  const bool validate = !settings.validation.empty();
  if (validate) world.agree([&] { share = validation_share(settings.validation); });

  LoadedData data;
  const auto model_memory = [&](const DatasetInfo& info) {
    return training_memory(settings.training, info.columns, validate, world.size(),
                           layout.equal_nodes ? layout.node.size() : 1) +
           checkpoint_memory(settings, info.columns, layout);
  };
  data.samples.emplace(world, layout.node, settings.data, settings.rows, model_memory);
  const Samples& all = data.samples->samples();
  data.views.training = all;
  if (share) {
    const auto rows = static_cast<std::uint64_t>(std::llround(*share * static_cast<double>(all.rows)));
    world.agree([&] {
      if (rows == 0 || rows == all.rows) {
        throw Error(Failure::usage, fmt::format("validation = {}: of {} rows, {} would be left to train on and {} to "
                                                "validate on",
                                                settings.validation, all.rows, all.rows - rows, rows));
      }
    });
    data.views.training = all.part(0, all.rows - rows);
    data.views.validation = all.part(all.rows - rows, rows);
  } else if (validate) {
    data.validation_samples.emplace(world, layout.node, settings.validation, 0, model_memory);
    data.views.validation = data.validation_samples->samples();
    world.agree([&] {
      if (data.views.validation.columns == all.columns) return;
      throw Error(Failure::file, fmt::format("validation = {}: it has {} columns, but '{}' has {}", settings.validation,
                                             data.views.validation.columns, settings.data.string(), all.columns));
    });
  }
  return data;
}

void print_banner(const TrainSettings& settings, const Layout& layout, const LoadedData& data) {
  const Samples& training = data.views.training;
  const TrainingOptions& options = settings.training;
  const RbmShape shape{training.columns, options.hidden};
  const std::uint64_t steps = (training.rows + options.batch_size - 1) / options.batch_size;

  print_heading(layout, options);
  say("  data        {}: {} x {} {}\n", settings.data.string(), plural(training.rows, "row"), training.columns,
      element_name(training.type));
  if (data.views.validation.rows > 0) {
    say("  validation  {}: {}\n", settings.validation, plural(data.views.validation.rows, "row"));
  }
  say("  model       {} x {}, {} parameters\n", shape.visible, shape.hidden, shape.parameters());
  const std::uint64_t each =
      training_memory(options, shape.visible, data.views.validation.rows > 0, layout.ranks, layout.node.size());
  const auto ranks_on_node = static_cast<std::uint64_t>(layout.node.size());
  say("  memory      {} on each node: samples {}, parameters and buffers {} x {}\n",
      human_bytes(data.bytes() + ranks_on_node * each), human_bytes(data.bytes()), ranks_on_node, human_bytes(each));
  say("  training    {} of {} of {}, seed {}\n", plural(options.epochs, "epoch"), plural(steps, "step"),
      plural(options.batch_size, "row"), options.seed);
  say("  output      {}\n", settings.output.string());
  print_note_on_cores(layout);
}

std::string command_line(const std::vector<std::string>& arguments) {
  constexpr std::size_t longest = 10000;  // an attribute of HDF5 holds 64 KiB
  std::string line = "rbmpi train";
  for (const std::string& word : arguments) {
    const bool plain = !word.empty() && word.find_first_of(" \t\"'$\\") == std::string::npos;
    line += plain ? " " + word : " '" + word + "'";
  }
  return line.size() <= longest ? line : line.substr(0, longest) + "...";
}

/// Where a model of this run comes from.
std::map<std::string, std::string> make_provenance(const TrainSettings& settings, const LoadedData& data,
                                                   const std::vector<std::string>& arguments) {
  std::map<std::string, std::string> provenance = {
      {"program", "rbmpi " + version()},
      {"mpi", MpiEnvironment::library_version()},
      {"blas", blas_version() + " " + blas_kernel()},
      {"hdf5", Hdf5File::library_version()},
      {"created", fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)))},
      {"command", command_line(arguments)},
      {"dataset", settings.data.string()},
      {"dataset_rows", fmt::format("{}", data.samples->samples().rows)},
      {"dataset_digest", data.samples->digest()}};
  const std::vector<std::uint64_t>& picture = data.samples->info().picture;
  if (!picture.empty()) provenance["dataset_picture"] = fmt::format("{}", fmt::join(picture, "x"));
  if (data.validation_samples) provenance["validation_digest"] = data.validation_samples->digest();
  return provenance;
}

/// The end that early stopping made, or the best epoch that it found.
void print_early_stop(const TrainSettings& settings, const TrainingProgress& progress) {
  if (progress.best_epoch == 0) return;
  const bool early = stopped_early(settings.training, progress);
  const RunFolder folder(settings.output);
  const std::string problem = problem_of_best(folder, progress.best_epoch);
  say("  early stop  {}epoch {} was the best{}\n",
      early ? fmt::format("after epoch {}, {} of patience; ", progress.epoch - 1,
                          plural(settings.training.patience, "epoch"))
            : "",
      progress.best_epoch,
      problem.empty() ? ": " + folder.best().string() : ", but its model is not there: " + printable(problem));
}

void print_summary(const TrainSettings& settings, const RunFolder& folder, const Model& model, const EpochMetrics& last,
                   const TrainingResult& result, const LoadedData& data, std::uint64_t rank_memory) {
  const TimeSplit& split = result.time_split;
  const double total = std::accumulate(split.begin(), split.end(), 0.0);
  std::string parts;
  for (std::size_t phase = 0; phase < split.size(); ++phase) {
    if (split[phase] < total * 0.0005) continue;
    parts +=
        fmt::format("{}{} {:.1f} %", parts.empty() ? "" : ", ", time_phase_names[phase], split[phase] / total * 100);
  }
  const std::optional<double> validation = last.figure("validation_reconstruction_mse");
  say("  error       {} {:.5f} in the last epoch{}\n", last.figures.front().name, last.figures.front().value,
      validation ? fmt::format(", validation {:.5f}", *validation) : "");
  print_early_stop(settings, result.progress);
  say("  model       {}\n", folder.model().string());
  say("  digest      {}\n", model_digest(model.layers));
  say("  time        {} ({})\n", human_seconds(total), parts);
  say("  memory      samples {}{} on each node; at most {} for each rank besides, as seen after every epoch\n",
      human_bytes(data.bytes()),
      result.shared_bytes > 0 ? fmt::format(" and parameters {}", human_bytes(result.shared_bytes)) : "",
      human_bytes(rank_memory));
}

/// Collective. The most memory that a rank had to itself.
std::uint64_t largest_private_memory(const Communicator& world) {
  return static_cast<std::uint64_t>(world.maximum(static_cast<std::int64_t>(peak_private_memory())));
}

/// What the root says besides errors: one line on the standard error.
void warn(const std::string& message) {
  put(stderr, fmt::format("rbmpi: warning: {}\n", printable(message)));
}

/// Collective. The root's value on every rank.
template <typename Value>
Value from_root(Value value, const Communicator& world) {
  world.broadcast(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

void print_finished(const TrainSettings& settings, RunStart& start) {
  const std::optional<Checkpoint>& checkpoint = start.checkpoint();
  const std::uint64_t epochs = checkpoint ? checkpoint->progress.epoch - 1 : settings.training.epochs;
  say("the run in {} is finished: {} trained\n", settings.output.string(), plural(epochs, "epoch"));
  say("  model       {}\n", RunFolder(settings.output).model().string());
  say("  digest      {}\n", model_digest(start.finished_model().layers));
  if (checkpoint) print_early_stop(settings, checkpoint->progress);
  const bool early = checkpoint && stopped_early(settings.training, checkpoint->progress);
  say("{}--fresh starts over.\n", !checkpoint ? ""
                                  : early     ? "More patience goes on with it, "
                                              : "More epochs go on with it, ");
}

/// What the run goes on from, and what it does not.
void print_beginning(const std::optional<Checkpoint>& checkpoint, const std::filesystem::path& old_run) {
  if (!old_run.empty()) say("  fresh       the run that was here is now in {}\n", old_run.string());
  if (checkpoint) {
    const TrainingProgress& progress = checkpoint->progress;
    say("  resumes     from checkpoint-{}.h5: epoch {}, {} done\n", progress.steps, progress.epoch,
        plural(progress.steps, "step"));
  }
}

/// Writes the model that is the fruit of the run; if that cannot be done, at least beside the folder.
void save_final_model(const RunFolder& folder, const Model& model, const RunRecorder& recorder) {
  try {
    save_model(folder.model(), model);
  } catch (const Error& error) {
    std::string rest;
    if (recorder.last_checkpoint() && recorder.checkpoint_problem().empty()) {
      rest = fmt::format("{} has it, and the same command writes the model when that works",
                         folder.checkpoint(*recorder.last_checkpoint()).filename().string());
    } else {
      const std::filesystem::path beside = folder.path().string() + ".model.h5";
      try {
        save_model(beside, model);
        rest = fmt::format("the model is in '{}'", beside.string());
      } catch (const Error&) {
        rest = "the model is lost";
      }
    }
    throw Error(error.failure(), fmt::format("{}; {}", error.what(), rest));
  }
}

/// Collective. What a training that did not finish was stopped by.
std::string stop_reason(const Communicator& world) {
  const auto signal = static_cast<int>(world.maximum(stop_signal()));
  return signal > 0 ? fmt::format("SIG{}", sigabbrev_np(signal)) : "its time limit";
}

/// Collective. Throws what a stopped training ends with: the word on its checkpoint.
[[noreturn]] void throw_stopped(const TrainSettings& settings, const TrainingProgress& progress,
                                const std::string& reason, const std::optional<RunRecorder>& recorder,
                                const Communicator& world) {
  const std::string stopped =
      fmt::format("stopped by {} in epoch {} after step {}", reason, progress.epoch, progress.steps);
  world.agree_on_root([&] {
    if (recorder->checkpoint_problem().empty()) return;
    throw Error(Failure::file,
                fmt::format("{}, but its checkpoint is lost: {}; the same command goes on from the last one "
                            "before",
                            stopped, recorder->checkpoint_problem()));
  });
  throw AgreedError(Failure::interrupted,
                    fmt::format("{}; {} is written and the same command{} goes on from there", stopped,
                                RunFolder(settings.output).checkpoint(progress.steps).filename().string(),
                                settings.fresh ? ", without --fresh," : ""));
}

/// What the root alone has of a run; the other ranks have one that is empty.
struct RootSide {
  std::optional<RunStart> start;
  std::optional<SavedState> saved;
  std::optional<Progress> progress;
  std::optional<RunRecorder> recorder;
  std::optional<JobRecorder> job;
};

/// For the root: says what the run goes on from, and makes what accompanies the training.
void begin_run(RootSide& root, const TrainSettings& settings, const Layout& layout,
               const std::filesystem::path& old_run, const Samples& training,
               const std::map<std::string, std::string>& provenance, RunRecorder::Clock::time_point begin) {
  std::optional<Checkpoint> checkpoint = std::exchange(root.start->checkpoint(), std::nullopt);
  print_beginning(checkpoint, old_run);
  root.progress.emplace(settings.progress, settings.training.epochs,
                        checkpoint ? checkpoint->progress : TrainingProgress{});
  const auto warn_over_bar = [&progress = root.progress](const std::string& message) {
    if (progress) progress->clear();
    warn(message);
  };
  if (checkpoint && checkpoint->progress.best_epoch > 0) {
    const std::uint64_t best = checkpoint->progress.best_epoch;
    const std::string problem = problem_of_best(RunFolder(settings.output), best, /*later_too=*/true);
    if (!problem.empty()) warn(fmt::format("the model of epoch {}, the best so far, is lost: {}", best, problem));
  }
  Model model{.layers = {}, .configuration = effective_configuration(settings), .provenance = provenance};
  model.layers.emplace_back(RbmShape{training.columns, settings.training.hidden});
  root.recorder.emplace(settings, RunFolder(settings.output), training.rows,
                        checkpoint ? checkpoint->metrics : std::string(), std::move(model),
                        checkpoint_bytes(settings, training.columns), begin, warn_over_bar);
  root.job.emplace(RunFolder(settings.output), layout, checkpoint ? checkpoint->progress.steps : 0, begin);
  if (checkpoint) {
    root.saved = SavedState{.parameters = std::move(checkpoint->model.layers.front()).take_parameters(),
                            .optimizer = std::move(checkpoint->optimizer),
                            .progress = checkpoint->progress};
  }
}

/// What is done on the way: on the root it is shown and recorded.
TrainingEvents make_events(RootSide& root, EpochMetrics& last_epoch) {
  TrainingEvents events;
  events.epoch = [&](const EpochMetrics& metrics) {
    (void)peak_private_memory();
    last_epoch = metrics;
    if (root.progress) root.progress->epoch(metrics);
    if (root.recorder) root.recorder->epoch(metrics);
  };
  if (!root.recorder) return events;
  RunRecorder& recorder = *root.recorder;
  events.wishes = [&](const TrainingProgress& now) { return recorder.wishes(now); };
  events.checkpoint = [&](const TrainingState& state, bool stopped) { recorder.keep_checkpoint(state, stopped); };
  events.best = [&](const TrainingState& state) { recorder.keep_best(state); };
  if (recorder.has_snapshots()) events.state = [&](const TrainingState& state) { recorder.keep_snapshot(state); };
  events.step = [&](const StepProgress& step) {
    root.progress->step(step);
    root.job->step(step);
  };
  return events;
}

}  // namespace

void run_train(const std::vector<std::string>& arguments, const Communicator& world) {
  const RunRecorder::Clock::time_point begin = RunRecorder::Clock::now();
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads what is printed may leave; training goes on
  TrainSettings settings;
  if (!read_configuration(arguments, world, settings)) {
    if (world.is_root()) say("{}", configuration_help());
    return;
  }
  const RunFolder folder(settings.output);
  const Watchdog watchdog(world, std::chrono::seconds(settings.hang_timeout), end_hanging_job);
  if (world.is_root() && !watchdog.problem().empty()) {
    warn("a rank that hangs would not be found: " + watchdog.problem());
  }

  RootSide root;
  world.agree_on_root([&] { root.start.emplace(settings, warn); });
  const Layout layout = arrange(world, settings.threads, settings.training.ranks_per_node);
  (void)arrange_ranks(world, settings.training.exchange, settings.training.ranks_per_node);  // refuses what cannot be
  LoadedData data = load_data(settings, world, layout);
  TrainSettings in_use = settings;  // with what `auto` stands for
  in_use.training.exchange =
      exchange_in_use(settings.training, data.views.training.rows, data.views.training.columns, world);
  world.agree_on_root([&] { root.start->check_data(data.samples->digest(), data.validation_digest()); });
  if (from_root(root.start && root.start->is_finished(), world)) {
    if (root.start) print_finished(settings, *root.start);
    data.release();
    return;
  }
  const std::map<std::string, std::string> provenance = make_provenance(settings, data, arguments);
  world.agree_on_root([&] {
    const std::filesystem::path old_run = root.start->prepare();
    print_banner(in_use, layout, data);
    begin_run(root, settings, layout, old_run, data.views.training, provenance, begin);
  });
  EpochMetrics last_epoch;
  const TrainingEvents events = make_events(root, last_epoch);
  TrainingResult result;
  try {
    result = train_rbm(in_use.training, data.views, world, events, std::move(root.saved));
  } catch (const Error& error) {
    if (root.job) root.job->fail(error);
    throw;
  }
  const std::string reason = result.finished ? "" : stop_reason(world);
  if (root.job) root.job->finish(result.finished ? "finished" : "stopped by " + reason, result);
  if (root.recorder) root.recorder->finish();
  root.progress.reset();
  if (!result.finished) throw_stopped(settings, result.progress, reason, root.recorder, world);

  now_doing("writing the model");
  Model model{.layers = {}, .configuration = effective_configuration(settings), .provenance = provenance};
  model.layers.push_back(std::move(result.rbm));
  world.agree_on_root([&] { save_final_model(folder, model, *root.recorder); });
  const std::uint64_t rank_memory = largest_private_memory(world);
  if (world.is_root()) print_summary(settings, folder, model, last_epoch, result, data, rank_memory);
  data.release();
  world.agree_on_root([&] {
    std::string problem = root.recorder->metrics_problem();
    if (const std::uint64_t best = result.progress.best_epoch; problem.empty() && best > 0) {
      problem = problem_of_best(folder, best);
      if (!problem.empty()) problem = fmt::format("that of epoch {}, the best, is lost: {}", best, problem);
    }
    if (problem.empty()) return;
    throw Error(Failure::file, fmt::format("the model of the last epoch is whole, but {}", problem));
  });
}

}  // namespace rbmpi
