#include "app/training_run.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <limits>
#include <numeric>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/data_findings.hpp"
#include "app/hang.hpp"
#include "app/imported_data.hpp"
#include "app/label_classes.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/shell_word.hpp"
#include "rbmpi/core/version.hpp"
#include "rbmpi/data/held_out_rows.hpp"
#include "rbmpi/model/model_file.hpp"
#include "rbmpi/parallel/from_root.hpp"
#include "rbmpi/train/back_propagation.hpp"
#include "rbmpi/train/rank_layout.hpp"
#include "rbmpi/train/steps_of_epoch.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {
namespace {

/// Collective. Looks at the folder, on the root.
std::optional<RunStart> start_run(const TrainSettings& settings, const Watchdog& watchdog, const Communicator& world) {
  std::signal(SIGPIPE, SIG_IGN);  // the reader of the output may leave; training goes on
  if (world.is_root() && !watchdog.problem().empty()) {
    warn("a rank that hangs would not be found: " + watchdog.problem());
  }
  std::optional<RunStart> start;
  world.agree_on_root([&] { start.emplace(settings, warn); });
  return start;
}

std::string command_line_of(const char* command, const std::vector<std::string>& arguments) {
  constexpr std::size_t longest = 10000;  // an attribute of HDF5 holds 64 KiB
  std::string line = fmt::format("rbmpi {}", command);
  for (const std::string& word : arguments) line += fmt::format(" {}", shell_word(word));
  return line.size() <= longest ? line : line.substr(0, longest) + "...";
}

/// Where a model of this run comes from.
std::map<std::string, std::string> make_provenance(const TrainSettings& settings, const LoadedData& data,
                                                   const std::string& command_line) {
  std::map<std::string, std::string> provenance = {
      {"program", "rbmpi " + version()},
      {"mpi", MpiEnvironment::library_version()},
      {"blas", blas_version() + " " + blas_kernel()},
      {"hdf5", Hdf5File::library_version()},
      {"created", fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)))},
      {"command", command_line},
      {"dataset", settings.data.string()},
      {"dataset_rows", fmt::format("{}", data.samples->rows().rows)},
      {"dataset_digest", data.samples->digest()}};
  const std::vector<std::uint64_t>& picture = data.samples->info().picture;
  if (!picture.empty()) provenance["dataset_picture"] = fmt::format("{}", fmt::join(picture, "x"));
  if (data.validation_samples) provenance["validation_digest"] = data.validation_samples->digest();
  return provenance;
}

/// The share of the rows that `validation` names, or nothing if it names a file.
std::optional<double> validation_share(const std::string& validation) {
  const std::optional<double> share = parse_number(validation);
  if (!share || (*share > 0 && *share < 1)) return share;
  throw Error(Failure::usage,
              fmt::format("validation = {}: a share of the rows must be more than 0 and less than 1", validation));
}

/// How many rows are shuffled together if the settings do not say it: a function of the data alone, however they are
/// stored, so that the model is one as well. 0: all.
std::uint64_t usual_shuffle_block(const DatasetInfo& info) {
  constexpr std::uint64_t large = 2'000'000'000;  // bytes that would be read from all over a disk
  constexpr std::uint64_t block = 256'000'000;
  const std::uint64_t row_bytes = info.row_bytes();
  if (info.rows * row_bytes <= large) return 0;
  return std::max<std::uint64_t>(1, block / row_bytes);
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

/// Collective. The most memory that a rank had to itself.
std::uint64_t largest_private_memory(const Communicator& world) {
  return static_cast<std::uint64_t>(world.maximum(static_cast<std::int64_t>(peak_private_memory())));
}

/// "10 epochs of 20 steps of 100 rows", "130 updates of 100 rows, 20 an epoch".
std::string work_in_words(const OptimizationOptions& options, std::uint64_t rows) {
  const std::uint64_t steps = steps_of_epoch(options, rows);
  const std::string batch = plural(options.batch_size, "row");
  return options.updates > 0 ? fmt::format("{} of {}, {} an epoch", length_in_words(options), batch, steps)
                             : fmt::format("{} of {} of {}", length_in_words(options), plural(steps, "step"), batch);
}

[[noreturn]] void refuse_loss(const std::string& problem) {
  throw Error(Failure::file, fmt::format("the model of the last epoch is whole, but {}", problem));
}

/// Of the model of the best epoch, if there is a problem with it.
void refuse_loss_of_best(std::uint64_t epoch, const std::string& problem) {
  if (problem.empty()) return;
  refuse_loss(fmt::format("that of epoch {}, the best, is lost: {}", epoch, problem));
}

}  // namespace

std::uint64_t LoadedData::bytes() const {
  return samples->bytes() + (validation_samples ? validation_samples->bytes() : 0);
}

TrainingRun::TrainingRun(const char* command, const std::vector<std::string>& arguments, const TrainSettings& settings,
                         const Communicator& world)
    : begin_(RunRecorder::Clock::now()),
      settings_(settings),
      world_(world),
      folder_(settings.output),
      watchdog_(world, std::chrono::seconds(settings.hang_timeout), end_hanging_job),
      start_(start_run(settings, watchdog_, world)),
      layout_(arrange(world, settings.threads, settings.training.ranks_per_node)),
      command_line_(command_line_of(command, arguments)) {
  (void)arrange_ranks(world, settings.training.exchange, settings.training.ranks_per_node);  // refuses what cannot be
}

void TrainingRun::load_data(const std::function<Memory(const DatasetInfo&)>& memory) {
  std::optional<double> share;
  const bool validate = !settings_.validation.empty();
  if (validate) world_.agree([&] { share = validation_share(settings_.validation); });

  const auto rank_memory = [&](const DatasetInfo& info) {
    const Memory needed = memory(info);
    checkpoint_bytes_ = needed.checkpoint;
    if (!layout_.has_root) return needed.rank;
    return needed.rank + (needed.checkpoint + needed.best) / static_cast<std::uint64_t>(layout_.node.size());
  };
  const auto ranks_of_node = static_cast<std::uint64_t>(layout_.node.size());
  const auto row_memory = [&](const DatasetInfo& info) -> RowMemory {
    shuffle_block_ = settings_.shuffle_block.value_or(usual_shuffle_block(info));
    const bool by_ranks = settings_.training.exchange == Exchange::allreduce;
    const std::uint64_t together = by_ranks ? 1 : ranks_of_node;
    return {.most_bytes = settings_.memory,
            .block_rows = shuffle_block_,
            .step_rows = std::min<std::uint64_t>(settings_.training.batch_size, together * rows_at_once),
            .by_ranks = by_ranks};
  };
  const auto dataset = [&](const char* key, const std::filesystem::path& file) {
    return dataset_of(key, file, settings_.output, settings_.scale, world_);
  };
  data_.samples.emplace(world_, layout_.node, dataset("data", settings_.data), settings_.rows, rank_memory, row_memory,
                        settings_.scale);
  refuse_misreading(*data_.samples, settings_.data);
  const Rows& all = data_.samples->rows();
  data_.views.training = all;
  if (share) {
    const auto rows = static_cast<std::uint64_t>(std::llround(*share * static_cast<double>(all.rows)));
    world_.agree([&] {
      if (rows == 0 || rows == all.rows) {
        throw Error(Failure::usage, fmt::format("validation = {}: of {}, {} would be left to train on and {} to "
                                                "validate on",
                                                settings_.validation, plural(all.rows, "row"), all.rows - rows, rows));
      }
    });
    if (settings_.validation_rows == ValidationRows::sample) hold_out_sample(rows);
    data_.views.training = all.part(0, all.rows - rows);
    data_.views.validation = all.part(all.rows - rows, rows);
  } else if (validate) {
    const auto check = [&](const DatasetInfo& info) {
      if (info.columns == all.columns) return rank_memory(info);
      throw Error(Failure::file, fmt::format("validation = {}: it has {}, but '{}' has {}", settings_.validation,
                                             plural(info.columns, "column"), settings_.data.string(), all.columns));
    };
    const auto memory_of_validation = [&](const DatasetInfo&) -> RowMemory { return {.most_bytes = settings_.memory}; };
    data_.validation_samples.emplace(world_, layout_.node, dataset("validation", settings_.validation), 0, check,
                                     memory_of_validation, settings_.scale);
    refuse_misreading(*data_.validation_samples, settings_.validation);
    data_.views.validation = data_.validation_samples->rows();
  }
  if (settings_.command == TrainingCommand::train) world_.agree([&] { check_weights(); });
  provenance_ = make_provenance(settings_, data_, command_line_);
}

void TrainingRun::check_weights() const {
  const bool sample = settings_.validation_rows == ValidationRows::sample;
  const auto check = [&](const Rows& rows, const std::string& key, const std::filesystem::path& file,
                         const std::string& what_for, const std::string& right) {
    const std::string places =
        sample ? "" : fmt::format(", {} to {} (counted from 0),", rows.first(), rows.first() + rows.rows - 1);
    refuse_weightless(
        rows,
        fmt::format("{}: all {} of '{}' to {} on{}", key, plural(rows.rows, "row"), file.string(), what_for, places),
        right);
  };
  const std::string some = "some weights above 0";
  check(data_.views.training, fmt::format("data = {}", settings_.data.string()), settings_.data, "train", some);
  const bool of_data = !data_.validation_samples;
  check(data_.views.validation, fmt::format("validation = {}", settings_.validation),
        of_data ? settings_.data : std::filesystem::path(settings_.validation), "validate",
        !of_data ? some
        : sample ? "another share or seed"
                 : "another share, or validation-rows = sample");
}

void TrainingRun::hold_out_sample(std::uint64_t count) {
  const Rows& all = data_.samples->rows();
  std::vector<std::uint64_t> held_out;
  world_.agree([&] {
    if (data_.samples->streamed()) {
      throw Error(Failure::usage,
                  "validation-rows = sample: the rows are read while they are used, as they do not fit "
                  "the memory; the last ones, validation-rows = tail, or a file would be right");
    }
    const std::span labels(all.labels, all.labels == nullptr ? 0 : all.rows);
    held_out = draw_held_out_rows(all.rows, labels, count, settings_.training.seed);
  });
  data_.samples->move_to_end(held_out, layout_.node);
}

bool TrainingRun::is_finished(const std::string& pretrained_digest) {
  world_.agree_on_root(
      [&] { start_->check_origin(data_.samples->digest(), data_.validation_digest(), pretrained_digest); });
  if (!from_root(start_ && start_->is_finished(), world_)) return false;
  world_.agree_on_root([&] { print_finished(); });
  return true;
}

Model TrainingRun::description() const {
  return {.layers = {}, .configuration = effective_configuration(settings_), .provenance = provenance_};
}

void TrainingRun::begin(const std::function<void()>& print_banner, const std::function<Model()>& describe,
                        std::uint64_t steps) {
  world_.agree_on_root([&] {
    const std::filesystem::path old_run = start_->prepare();
    print_banner();
    checkpoint_ = std::exchange(start_->checkpoint(), std::nullopt);
    if (!old_run.empty()) say("  fresh       the run that was here is now in {}\n", old_run.string());
    const TrainingProgress progress = checkpoint_ ? checkpoint_->progress : TrainingProgress{};
    if (checkpoint_) {
      say("  resumes     from checkpoint-{}.h5: {}epoch {}, {} done\n", progress.steps,
          progress.layer > 0 ? fmt::format("layer {}, ", progress.layer + 1) : "", progress.epoch,
          plural(progress.steps, "step"));
    }
    const std::uint64_t rows = data_.views.training.rows;
    progress_.emplace(settings_.progress, epochs_of_training(settings_.training, rows), progress,
                      settings_.command == TrainingCommand::train ? "mse" : "cross-entropy");
    const auto warn_over_bar = [this](const std::string& message) {
      if (progress_) progress_->clear();
      warn(message);
    };
    if (progress.best_epoch > 0) {
      const std::string problem = problem_of_best(folder_, progress.best_epoch, /*later_too=*/true);
      if (!problem.empty()) {
        warn(fmt::format("the model of epoch {}, the best so far, is lost: {}", progress.best_epoch, problem));
      }
    }
    if (steps == 0) steps = steps_of_training(settings_.training, rows);
    recorder_.emplace(settings_, folder_, rows, steps, checkpoint_ ? metrics_to_go_on_from() : std::string(),
                      describe(), checkpoint_bytes_, begin_, warn_over_bar);
    if (const std::string note = recorder_->too_little_time(); !note.empty()) say("  note        {}\n", note);
    job_.emplace(folder_, layout_, progress.steps, begin_);
  });
  watch_the_time();
}

/// Those of the checkpoint; without the report of a part of an epoch that is reported as a whole when it is.
std::string TrainingRun::metrics_to_go_on_from() const {
  std::string lines = checkpoint_->metrics;
  const TrainingProgress& progress = checkpoint_->progress;
  if (progress.reported_rows == 0 || layer_is_done(goal_of_layer(settings_, progress.layer), progress)) return lines;
  if (!lines.empty()) lines.erase(lines.rfind('\n', lines.size() - 2) + 1);
  return lines;
}

/// Between steps the recorder looks at the clock; validation and likelihoods, which may take longer, look at this.
void TrainingRun::watch_the_time() const {
  const auto moment = recorder_ ? recorder_->last_moment() : std::nullopt;
  constexpr double unlimited = std::numeric_limits<double>::infinity();
  const auto now = RunRecorder::Clock::now();
  const double seconds = from_root(moment ? std::chrono::duration<double>(*moment - now).count() : unlimited, world_);
  if (seconds < unlimited) {
    stop_at(now + std::chrono::duration_cast<RunRecorder::Clock::duration>(std::chrono::duration<double>(seconds)));
  }
}

void TrainingRun::begin_layer(const LayerBeginning& beginning, std::size_t layers) {
  layers_ = layers;
  if (!recorder_) return;
  const TrainingOptions& options = beginning.options;
  progress_->begin_layer(beginning.layer, layers, epochs_of_training(options, beginning.rows));
  Model model = description();
  for (const Rbm& below : beginning.below) {
    model.layers.emplace_back(below.shape());
    std::ranges::copy(below.parameters(), model.layers.back().parameters().begin());
  }
  model.layers.emplace_back(shape_of(options, beginning.visible));
  model.chains = beginning.chains;
  model.classes.assign(beginning.classes.begin(), beginning.classes.end());
  model.class_names = names_of_classes(model.classes, data_.class_names());
  recorder_->begin_layer(std::move(model), options.batch_size, options.early_stop != EarlyStop::off);
  if (layers == 1) return;
  std::string features;
  if (beginning.kept_bytes > 0) features = fmt::format("; {} of features", human_bytes(beginning.kept_bytes));
  if (beginning.made_rows > 0) {
    features += fmt::format("; features of {} are made when they are wanted", plural(beginning.made_rows, "row"));
  }
  progress_->clear();
  say("  layer {:<5} {} x {}: {}{}\n", fmt::format("{}/{}", beginning.layer + 1, layers), beginning.visible,
      options.hidden, work_in_words(options, beginning.rows), features);
}

TrainingEvents TrainingRun::make_events() {
  TrainingEvents events;
  events.epoch = [this](const EpochMetrics& metrics) {
    (void)peak_private_memory();
    last_epoch_ = metrics;
    if (progress_) progress_->epoch(metrics);
    if (recorder_) recorder_->epoch(metrics);
  };
  if (!recorder_) return events;
  RunRecorder& recorder = *recorder_;
  events.wishes = [&](const TrainingProgress& now) { return recorder.wishes(now); };
  events.checkpoint = [&](const TrainingState& state, bool stopped) { recorder.keep_checkpoint(state, stopped); };
  events.best = [&](const TrainingState& state) { recorder.keep_best(state); };
  if (recorder.has_snapshots()) events.state = [&](const TrainingState& state) { recorder.keep_snapshot(state); };
  events.step = [this](const StepProgress& step) {
    progress_->step(step);
    job_->step(step);
  };
  return events;
}

void TrainingRun::end_training(const OptimizationOutcome& outcome) {
  stop_at_no_time();
  const std::string reason = outcome.finished ? "" : stop_reason(world_);
  if (job_) job_->finish(outcome.finished ? "finished" : "stopped by " + reason, outcome);
  if (recorder_) recorder_->finish();
  progress_.reset();
  if (!outcome.finished) throw_stopped(outcome.progress, reason);
}

void TrainingRun::throw_stopped(const TrainingProgress& progress, const std::string& reason) const {
  const std::string stopped =
      fmt::format("stopped by {} in {}epoch {} after step {}", reason,
                  layers_ > 1 ? fmt::format("layer {}, ", progress.layer + 1) : "", progress.epoch, progress.steps);
  world_.agree_on_root([&] {
    if (recorder_->checkpoint_problem().empty()) return;
    throw Error(Failure::file,
                fmt::format("{}, but its checkpoint is lost: {}; the same command goes on from the last one "
                            "before",
                            stopped, recorder_->checkpoint_problem()));
  });
  world_.agree_on_root([&] {
    if (progress.steps > 0 || checkpoint_ || recorder_->last_checkpoint()) return;
    throw Error(Failure::interrupted,
                fmt::format("{}: there is nothing to keep yet, and the same command begins anew", stopped));
  });
  throw AgreedError(Failure::interrupted, fmt::format("{}; {} is written and the same command{} goes on from there",
                                                      stopped, folder_.checkpoint(progress.steps).filename().string(),
                                                      settings_.fresh ? ", without --fresh," : ""));
}

void TrainingRun::finish(const Model& model, const OptimizationOutcome& outcome, const std::string& end) {
  now_doing("writing the model");
  world_.agree_on_root([&] { save_final_model(folder_, model, *recorder_); });
  const std::uint64_t rank_memory = largest_private_memory(world_);
  const std::uint64_t best = outcome.progress.best_epoch;
  std::string lost;
  world_.agree_on_root([&] {
    if (best > 0) lost = problem_of_best(folder_, best);
  });
  if (world_.is_root()) print_summary(model, outcome, end, rank_memory, lost);
  world_.agree_on_root([&] {
    const std::string problem = recorder_->metrics_problem();
    if (!problem.empty()) refuse_loss(problem);
    refuse_loss_of_best(best, lost);
  });
}

/// The end that early stopping made, or the best epoch that it found, and why its model is lost, if it is.
void TrainingRun::print_early_stop(const TrainingProgress& progress, const std::string& lost) const {
  if (progress.best_epoch == 0) return;
  const std::string where = lost.empty() ? ": " + folder_.best().string() : ", but its model is not there: " + lost;
  if (end_of_run(settings_, progress) != RunEnd::stopped_early) {
    say("  best epoch  {}{}\n", progress.best_epoch, where);
    return;
  }
  // The patience that it had, whatever is asked for now.
  say("  early stop  after epoch {}, {} of patience; epoch {} was the best{}\n", progress.epoch - 1,
      plural(progress.epoch - 1 - progress.best_epoch, "epoch"), progress.best_epoch, where);
}

void TrainingRun::print_finished() {
  const std::optional<Checkpoint>& checkpoint = start_->checkpoint();
  const bool by_updates = settings_.training.updates > 0;
  TrainingOptions done = settings_.training;
  if (checkpoint) {
    done.epochs = checkpoint->progress.epoch - 1;
    if (by_updates) done.updates = checkpoint->progress.steps;
  }
  const std::size_t layers = start_->finished_model().layers.size();
  say("the run in {} is finished: {} trained\n", settings_.output.string(),
      layers > 1 ? plural(layers, "layer") : length_in_words(done));
  say("  model       {}\n", folder_.model().string());
  say("  digest      {}\n", model_digest(start_->finished_model()));
  const std::uint64_t best = checkpoint ? checkpoint->progress.best_epoch : 0;
  const std::string lost = best > 0 ? problem_of_best(folder_, best) : "";
  if (checkpoint) print_early_stop(checkpoint->progress, lost);
  const bool early = checkpoint && end_of_run(settings_, checkpoint->progress) == RunEnd::stopped_early;
  const char* const unit = by_updates ? "updates" : "epochs";
  say("{}--fresh starts over.\n",
      !checkpoint  ? ""
      : early      ? "More patience goes on with it, "
      : layers > 1 ? fmt::format("More {} of the highest layer, or more layers, go on with it, ", unit)
                   : fmt::format("More {} go on with it, ", unit));
  refuse_loss_of_best(best, lost);
}

void TrainingRun::print_summary(const Model& model, const OptimizationOutcome& outcome, const std::string& end,
                                std::uint64_t rank_memory, const std::string& lost) const {
  const TimeSplit& split = outcome.time_split;
  const double total = std::accumulate(split.begin(), split.end(), 0.0);
  std::string parts;
  for (std::size_t phase = 0; phase < split.size(); ++phase) {
    if (split[phase] < total * 0.0005) continue;
    parts +=
        fmt::format("{}{} {:.1f} %", parts.empty() ? "" : ", ", time_phase_names[phase], split[phase] / total * 100);
  }
  if (!end.empty()) say("  {}\n", end);
  print_early_stop(outcome.progress, lost);
  say("  model       {}\n", folder_.model().string());
  say("  digest      {}\n", model_digest(model));
  say("  time        {} ({})\n", human_seconds(total), parts);
  say("  memory      samples {}{} on each node; at most {} for each rank besides, as seen after every epoch\n",
      human_bytes(data_.bytes()),
      outcome.shared_bytes > 0 ? fmt::format(" and parameters {}", human_bytes(outcome.shared_bytes)) : "",
      human_bytes(rank_memory));
}

std::optional<SavedState> saved_state(std::optional<Checkpoint> checkpoint) {
  if (!checkpoint) return std::nullopt;
  Model& model = checkpoint->model;
  ParameterLayout layout =
      model.net ? net_layout(model.net->shape()) : rbm_layout(model.layers.back().shape(), model.layers.size() - 1);
  return SavedState{.parameters = model.net ? std::move(*model.net).take_parameters()
                                            : std::move(model.layers.back()).take_parameters(),
                    .optimizer = std::move(checkpoint->optimizer),
                    .arrays = std::move(checkpoint->arrays),
                    .progress = checkpoint->progress,
                    .layout = std::move(layout)};
}

void print_data(const TrainSettings& settings, const LoadedData& data) {
  const Rows& training = data.views.training;
  const bool weighs = settings.command == TrainingCommand::train;
  say("  data        {}: {} x {} {}{}\n", settings.data.string(), plural(training.rows, "row"), training.columns,
      element_name(data.samples->info().type), weighs ? weights_in_words(training) : "");
  if (data.samples->streamed()) {
    say("  rows        read while they are used: blocks of them take {} on each node\n",
        human_bytes(data.samples->bytes()));
  }
  if (data.views.validation.rows > 0) {
    say("  validation  {}: {}{}\n", settings.validation, plural(data.views.validation.rows, "row"),
        weighs ? weights_in_words(data.views.validation) : "");
  }
  if (const std::string note = note_on_unused_weights(*data.samples); !weighs && !note.empty()) {
    say("  note        data: {}\n", note);
  }
  for (const std::string& note : notes_on(*data.samples)) say("  note        data: {}\n", note);
  if (data.validation_samples) {
    for (const std::string& note : notes_on(*data.validation_samples)) say("  note        validation: {}\n", note);
  }
  const std::string note = note_on_held_out_classes(settings, data.views, data.samples->info().class_names);
  if (!note.empty()) say("  note        {}\n", note);
}

void print_training(const TrainSettings& settings, const TrainingRun& run, std::uint64_t rank_memory,
                    const std::string& work) {
  const OptimizationOptions& options = settings.training;
  const auto ranks_on_node = static_cast<std::uint64_t>(run.layout().node.size());
  rank_memory += program_memory;
  say("  memory      {} on each node: samples {}, parameters, buffers and program {} x {}\n",
      human_bytes(run.data().bytes() + ranks_on_node * rank_memory), human_bytes(run.data().bytes()), ranks_on_node,
      human_bytes(rank_memory));
  say("  training    {}, seed {}\n", work.empty() ? work_in_words(options, run.data().views.training.rows) : work,
      options.seed);
  say("  output      {}\n", settings.output.string());
  print_note_on_cores(run.layout());
}

}  // namespace rbmpi
