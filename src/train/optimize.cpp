#include "rbmpi/train/optimize.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/row_order.hpp"
#include "rbmpi/train/early_stop.hpp"
#include "rbmpi/train/replicas.hpp"
#include "rbmpi/train/run_end.hpp"
#include "rbmpi/train/steps_of_epoch.hpp"
#include "train/optimization_checks.hpp"
#include "train/optimization_setup.hpp"

namespace rbmpi {
namespace {

/// One optimisation on one rank. The path of the data is `step`, top to bottom.
class Optimization {
 public:
  /// Local. Everything that may fail on one rank alone.
  Optimization(const GradientFunction& function, const Rows& samples, const OptimizationOptions& options,
               OptimizationSetup setup, SumsBy sums_by, const Communicator& world, const TrainingEvents& events)
      : function_(function),
        samples_(samples),
        options_(options),
        world_(world),
        events_(events),
        layout_(std::move(setup.layout)),
        plan_(std::move(setup.plan)),
        goal_(goal_of(options)),
        workspace_(std::move(setup.memory)),
        memory_(function, plan_, options, samples, workspace_) {
    memory_.sums->exchange_by(sums_by, layout_.peers, workspace_.rank);
    has_loss_ = !memory_.function.measures->loss_name().empty();
  }

  [[nodiscard]] std::string state_in_words() const { return to_text(memory_.state->of_node()); }

  /// Collective.
  void begin() {
    function_.begin(memory_.parameters, layout_.node.is_root());
    progress_.layer = options_.layer;
    progress_.steps = options_.first_step;
    workspace_.node.synchronise();
  }

  /// Collective. Every node takes over the parameters, the optimizer's memory and the progress of the root's `start`.
  void resume(const std::optional<SavedState>& start) {
    world_.agree_on_root([&] {
      check_start(*start, plan_.layout, memory_.optimizer_memory, options_, samples_.rows);
      memory_.state->check_start(start->arrays);
      progress_ = start->progress;
    });
    resumed_ = true;
    if (layout_.node.is_root()) memory_.fill(start, layout_.peers);
    world_.broadcast(std::as_writable_bytes(std::span(&progress_, 1)));
    workspace_.node.synchronise();
  }

  /// Collective.
  OptimizationResult run() {
    use_first_parameters();
    if (!resumed_) {
      memory_.function.gradient->begin_state();
      workspace_.node.synchronise();
    }
    go_on_with_epoch();
    bool finished = true;
    while (finished && !layer_is_done(goal_, progress_) && !stopped_early(options_.patience, progress_)) {
      finished = run_epoch();
    }
    if (finished) keep_checkpoint(false);
    OptimizationResult result;
    result.shared_bytes = layout_.node.size() > 1 ? workspace_.node.taken() : 0;
    result.time_split = clock_.split();
    result.progress = progress_;
    result.finished = finished;
    world_.agree_on_root([&] { result.arrays = copies_of(memory_.state->whole()); });  // those of the last checkpoint
    memory_.sums.reset();
    memory_.function = {};
    memory_.reader.reset();
    workspace_.rank = Arena();  // what is no longer needed makes room for the result
    world_.agree_on_root([&] {
      result.parameters = AlignedBuffer<Real>(memory_.parameters.size());
      std::ranges::copy(memory_.parameters, result.parameters.data());
    });
    return result;
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// One mini-batch: the next `batch_rows` rows of the epoch's order.
  void step(const RowOrder& order, std::uint64_t batch_rows) {
    const StepWishes wishes = events_.wishes ? events_.wishes(progress_) : StepWishes{};
    StepCounts& mine = memory_.counts[plan_.share.slot];
    mine = {};
    const Shard share = shard(batch_rows, layout_.node_index, layout_.peers.size());
    const Shard chains = shard(plan_.chains, layout_.node_index, layout_.peers.size());
    const std::uint64_t parts = plan_.parts(batch_rows);
    clock_.lap(TimePhase::update);

    for (std::uint64_t number = 0; number < parts; ++number) {
      const bool last = number + 1 == parts;
      now_doing("taking the rows of the batch");  // those in memory are read when they are drawn
      const Shard rows = part_of(share, number, plan_.share.node_rows);
      memory_.reader->next(order, progress_.epoch_rows + rows.first, rows.count);
      clock_.lap(TimePhase::input);
      const MiniBatch part{.rows = memory_.reader.get(),
                           .count = rows.count,
                           .position = rows.first,
                           .step = progress_.steps - options_.first_step,
                           .begins_epoch = progress_.epoch_rows == 0};
      const BatchTotals found =
          memory_.function.gradient->propagate(part, part_of(chains, number, plan_.share.node_chains), clock_);
      mine.loss += found.loss;
      for (std::size_t phase = 0; phase < gradient_phases; ++phase) mine.weights[phase] += found.weights[phase];
      if (last) {
        // Asked at the last moment: whoever sent the signal may not wait for another step.
        mine.stop = wishes.stop || stop_requested() ? 1 : 0;
        mine.checkpoint = wishes.checkpoint ? 1 : 0;
      }
      now_doing("waiting for the rows of the node");
      workspace_.node.synchronise();
      clock_.lap(TimePhase::exchange);
      if (last) {
        counts_ = counts_of_node();
        memory_.sums->send_counts(counts_);
      }
      if (!memory_.sums->are_kept()) break;  // then each panel is formed in `update`
      memory_.sums->form_part(number == 0, clock_);
      if (last) break;
      workspace_.node.synchronise();  // the next part takes the place of these rows
      clock_.lap(TimePhase::exchange);
    }
    now_doing("exchanging gradients");
    memory_.sums->exchange(counts_, batch_rows, layout_.peers, clock_);

    now_doing("updating the parameters");
    update();
    ++progress_.steps;
    follow_parameters();
    clock_.lap(TimePhase::update);

    progress_.epoch_rows += batch_rows;
    progress_.epoch_loss += static_cast<double>(counts_.loss);
    if (events_.state) events_.state(state());
    clock_.lap(TimePhase::checkpoint);
    if (events_.step) {
      events_.step({.layer = progress_.layer,
                    .epoch = progress_.epoch,
                    .epochs = epochs_of_training(options_, samples_.rows),
                    .samples = progress_.epoch_rows,
                    .epoch_samples = samples_.rows,
                    .all_samples = rows_of_training(options_, samples_.rows),
                    .loss = has_loss_ ? std::optional(mean_loss()) : std::nullopt,
                    .time_split = clock_.split()});
      clock_.lap(TimePhase::output);
    }
  }

  /// What is left of the current epoch, or of the updates. False if training was stopped.
  bool run_epoch() {
    const std::uint64_t rows = samples_.rows;
    const RowOrder order(rows, options_.shuffle, options_.seed, options_.layer, progress_.epoch,
                         options_.shuffle_block);
    go_on_with_epoch();
    clock_.restart();
    progress_.reported_rows = 0;
    while (progress_.epoch_rows < rows && (goal_.last_step == 0 || progress_.steps < goal_.last_step)) {
      step(order, std::min(options_.batch_size, rows - progress_.epoch_rows));
      const bool stop = counts_.stop > 0;
      if (stop || counts_.checkpoint > 0) keep_checkpoint(stop);
      if (stop) return false;
    }
    check_replicas();
    clock_.lap(TimePhase::checkpoint);
    if (!report()) {
      keep_checkpoint(true);
      return false;
    }
    if (progress_.epoch_rows < rows) {
      progress_.reported_rows = progress_.epoch_rows;
      return true;
    }
    progress_ = {.layer = progress_.layer,
                 .epoch = progress_.epoch + 1,
                 .steps = progress_.steps,
                 .best_epoch = progress_.best_epoch,
                 .best_figure = progress_.best_figure};
    return true;
  }

  /// Of things of the node that are taken in parts of so many, those of a part.
  [[nodiscard]] static Shard part_of(Shard all, std::uint64_t number, std::uint64_t at_once) noexcept {
    const std::uint64_t done = std::min(number * at_once, all.count);
    return {all.first + done, std::min(at_once, all.count - done)};
  }

  /// What the ranks of the node have told.
  [[nodiscard]] StepCounts counts_of_node() const {
    StepCounts all;
    for (RankCounts& rank : memory_.counts) {
      for (std::size_t i = 0; i < all.all().size(); ++i) all.all()[i] += rank.all()[i];
    }
    return all;
  }

  /// Forms the gradient of this rank's share where it was not kept, moves the parameters along it, and follows them,
  /// panel by panel.
  void update() {
    begin_workers();
    memory_.optimizer->begin_step(progress_.epoch, progress_.steps - options_.first_step + 1,
                                  memory_.sums->sample_share());
    memory_.sums->for_each_gradient(
        workspace_.node, clock_,
        [&](std::size_t array, Shard rows, std::size_t thread, std::span<const Real> gradient) {
          const std::size_t first = plan_.layout.offset(array, rows.first);
          memory_.optimizer->update(plan_.layout[array], first, gradient.size(), gradient.data(),
                                    memory_.parameters.data() + first);
          memory_.function.follower->follow(array, rows, plan_.share.worker(thread));
        });
  }

  void begin_workers() const {
    for (std::size_t thread = 0; thread < plan_.share.threads; ++thread) {
      memory_.function.follower->begin(plan_.share.worker(thread));
    }
  }

  /// The function follows the parameters that all ranks of the node have changed. False if it cannot.
  bool settle() {
    for (;;) {
      clock_.lap(TimePhase::update);
      workspace_.node.synchronise();
      clock_.lap(TimePhase::exchange);
      const ParameterFollower::Fit fit = memory_.function.follower->settle();
      if (fit != ParameterFollower::Fit::again) return fit == ParameterFollower::Fit::good;
      workspace_.node.synchronise();  // all have seen why
      follow_share();
    }
  }

  void follow_share() {
    begin_workers();
    for (std::size_t array = 0; array < plan_.mine.arrays(); ++array) {
      plan_.for_each_panel({array, plan_.mine.rows(array)}, *memory_.function.gradient,
                           [&](Shard rows, std::size_t thread) {
                             memory_.function.follower->follow(array, rows, plan_.share.worker(thread));
                           });
    }
  }

  [[nodiscard]] TrainingState state() const {
    return {memory_.parameters, memory_.optimizer_memory, progress_, plan_.layout};
  }
  /// Collective. The same with all that the function remembers.
  [[nodiscard]] TrainingState whole_state() {
    if (layout_.node.is_root()) memory_.state->gather(layout_.peers);
    TrainingState whole = state();
    whole.arrays = memory_.state->whole();
    return whole;
  }
  void check_replicas() const { rbmpi::check_replicas(state(), memory_.state->of_node(), world_, layout_.node); }

  void keep_checkpoint(bool stopped) {
    progress_.epoch_seconds = progress_.epoch_rows > 0 ? epoch_seconds() : 0;
    clock_.restart();
    check_replicas();
    now_doing("keeping a checkpoint");
    keep_whole([&](const TrainingState& whole) {
      if (events_.checkpoint) events_.checkpoint(whole, stopped);
    });
  }
  /// Collective.
  template <typename Keep>
  void keep_whole(const Keep& keep) {
    keep(whole_state());
    // What the function remembers changes again in the next step, which must not begin while it is copied.
    if (!memory_.state->of_node().empty()) workspace_.node.synchronise();
    clock_.lap(TimePhase::checkpoint);
  }

  /// Its time goes on from what it had taken.
  void go_on_with_epoch() {
    epoch_begin_ = Clock::now() -
                   std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(progress_.epoch_seconds));
  }
  [[nodiscard]] double epoch_seconds() const {
    return std::chrono::duration<double>(Clock::now() - epoch_begin_).count();
  }

  void use_first_parameters() {
    follow_share();
    if (!settle()) throw AgreedError(Failure::usage, memory_.function.follower->refusal());
  }

  void follow_parameters() {
    if (!settle()) refuse_diverged(options_, progress_);
  }

  /// The end of an epoch, or of the training in the middle of one. False if training was stopped meanwhile.
  bool report() {
    const double seconds = epoch_seconds();
    EpochMetrics metrics{.layer = progress_.layer,
                         .epoch = progress_.epoch,
                         .step = progress_.steps - options_.first_step,
                         .samples = progress_.epoch_rows,
                         .seconds = seconds,
                         .samples_per_second = static_cast<double>(progress_.epoch_rows) / seconds,
                         .figures = {}};
    if (has_loss_) metrics.figures.push_back({memory_.function.measures->loss_name(), mean_loss()});
    clock_.restart();
    // Whole epochs are judged: a training that ends in the middle of one and goes on is to be as if it had not ended.
    TrainingProgress judged = progress_;
    const Clock::time_point begin = Clock::now();
    if (!memory_.function.measures->measure(judged, metrics.figures)) return false;
    epoch_begin_ += Clock::now() - begin;
    if (progress_.epoch_rows == samples_.rows) progress_ = judged;
    clock_.lap(TimePhase::validation);
    if (events_.epoch) {
      events_.epoch(metrics);
      clock_.lap(TimePhase::output);
    }
    if (progress_.best_epoch == progress_.epoch) {
      keep_whole([&](const TrainingState& whole) {
        if (events_.best) events_.best(whole);
      });
    }
    return true;
  }

  [[nodiscard]] double mean_loss() const {
    return memory_.function.measures->mean_loss(progress_.epoch_loss, progress_.epoch_rows);
  }

  const GradientFunction& function_;
  const Rows& samples_;
  const OptimizationOptions& options_;
  const Communicator& world_;
  const TrainingEvents& events_;
  RankLayout layout_;
  StepPlan plan_;
  RunGoal goal_;
  Workspace workspace_;
  StepMemory memory_;
  StepCounts counts_;  // of the last step: over the node, then over all ranks
  PhaseClock clock_;
  TrainingProgress progress_;
  bool resumed_ = false;
  bool has_loss_ = true;
  Clock::time_point epoch_begin_;
};

}  // namespace

OptimizationResult optimize(const GradientFunction& function, const Rows& samples, const OptimizationOptions& options,
                            const Communicator& world, const TrainingEvents& events, std::optional<SavedState> start) {
  world.agree([&] {
    check_options(options);
    check_layout(function.layout());
    check_penalties(function.layout(), options);
    if (samples.rows == 0) throw Error(Failure::file, "there are no rows to train on");
  });
  check_same("the gradient function",
             fmt::format("{} chains, {} phases, exact sums of {} rows, {}", function.chains(),
                         function.has_two_phases() ? 2 : 1, function.exact_rows(), to_text(function.layout())),
             world);
  std::int64_t resumes = start ? 1 : 0;
  world.broadcast(std::as_writable_bytes(std::span(&resumes, 1)));
  if (world.maximum(threads_in_use()) != -world.maximum(-std::int64_t{threads_in_use()})) {
    throw AgreedError(Failure::usage,
                      "all ranks must use equally many threads: they share out their work in equal parts");
  }
  OptimizationSetup setup = set_up(function, options, samples, world);
  const SumsBy sums_by = iallreduce_setting(world).empty() ? SumsBy::messages : SumsBy::mpi;
  std::optional<Optimization> optimization;
  world.agree([&] { optimization.emplace(function, samples, options, std::move(setup), sums_by, world, events); });
  check_same("the state", optimization->state_in_words(), world);
  if (resumes != 0) {
    optimization->resume(start);
  } else {
    optimization->begin();
  }
  start.reset();
  return optimization->run();
}

}  // namespace rbmpi
