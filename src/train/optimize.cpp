#include "rbmpi/train/optimize.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/row_order.hpp"
#include "rbmpi/parallel/sums_under_way.hpp"
#include "rbmpi/train/early_stop.hpp"
#include "rbmpi/train/replicas.hpp"
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
        workspace_(std::move(setup.memory)),
        memory_(function, plan_, options, samples, workspace_) {
    if (!plan_.exchanges_pieces) return;
    under_way_.emplace(layout_.peers, sums_by, plan_.sums_under_way(), plan_.longest_sum(), workspace_.rank);
  }

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
      check_start(*start, plan_.blocks, memory_.optimizer_memory, options_, samples_.rows);
      memory_.fill(*start);
      progress_ = start->progress;
    });
    if (layout_.node.is_root()) memory_.broadcast(layout_.peers);
    world_.broadcast(std::as_writable_bytes(std::span(&progress_, 1)));
    workspace_.node.synchronise();
  }

  /// Collective.
  OptimizationResult run() {
    use_first_parameters();
    bool finished = true;
    while (finished && progress_.epoch <= options_.epochs && !stopped_early(options_.patience, progress_)) {
      finished = run_epoch();
    }
    if (finished) keep_checkpoint(false);
    OptimizationResult result;
    result.shared_bytes = layout_.node.size() > 1 ? workspace_.node.taken() : 0;
    result.time_split = clock_.split();
    result.progress = progress_;
    result.finished = finished;
    under_way_.reset();
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
    StepTotals& mine = memory_.totals[plan_.share.slot];
    mine = {};
    const Shard share = shard(batch_rows, layout_.node_index, layout_.peers.size());
    const std::uint64_t longest_share = shard(batch_rows, 0, layout_.peers.size()).count;
    clock_.lap(TimePhase::update);

    for (std::uint64_t first = 0; first < longest_share; first += plan_.share.node_rows) {
      const bool last = first + plan_.share.node_rows >= longest_share;
      now_doing("taking the rows of the batch");
      const std::uint64_t begin = share.first + std::min(first, share.count);
      const std::uint64_t count = std::min(std::uint64_t{plan_.share.node_rows}, share.first + share.count - begin);
      memory_.reader->next(order, progress_.epoch_rows + begin, count);
      clock_.lap(TimePhase::input);
      const MiniBatch part{.rows = memory_.reader.get(),
                           .count = count,
                           .position = begin,
                           .step = progress_.steps - options_.first_step};
      mine.loss += memory_.function.rows->take_rows(part, clock_);
      if (last) {
        // Asked at the last moment: whoever sent the signal may not wait for another step.
        mine.stop = wishes.stop || stop_requested() ? 1 : 0;
        mine.checkpoint = wishes.checkpoint ? 1 : 0;
      }
      now_doing("waiting for the rows of the node");
      workspace_.node.synchronise();
      clock_.lap(TimePhase::exchange);
      if (last) start_totals();
      if (!memory_.sums) break;
      sum_gradient(first == 0);
      if (last) break;
      workspace_.node.synchronise();  // the next part takes the place of these rows
      clock_.lap(TimePhase::exchange);
    }
    exchange(batch_rows);

    now_doing("updating the parameters");
    memory_.optimizer->begin_step(
        progress_.epoch, progress_.steps - options_.first_step + 1,
        memory_.sums ? memory_.sums->sample_share(batch_rows) : Real{1} / static_cast<Real>(batch_rows));
    update();
    ++progress_.steps;
    follow_parameters();
    clock_.lap(TimePhase::update);

    progress_.epoch_rows += batch_rows;
    progress_.epoch_loss += static_cast<double>(step_totals_.loss);
    if (events_.state) events_.state(state());
    clock_.lap(TimePhase::checkpoint);
    if (events_.step) {
      events_.step({.layer = progress_.layer,
                    .epoch = progress_.epoch,
                    .epochs = options_.epochs,
                    .samples = progress_.epoch_rows,
                    .epoch_samples = samples_.rows,
                    .loss = mean_loss(),
                    .time_split = clock_.split()});
      clock_.lap(TimePhase::output);
    }
  }

  /// What is left of the current epoch. False if training was stopped.
  bool run_epoch() {
    const std::uint64_t rows = samples_.rows;
    const RowOrder order(rows, options_.shuffle, options_.seed, options_.layer, progress_.epoch);
    epoch_begin_ = Clock::now() -
                   std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(progress_.epoch_seconds));
    clock_.restart();
    while (progress_.epoch_rows < rows) {
      step(order, std::min(options_.batch_size, rows - progress_.epoch_rows));
      const bool stop = step_totals_.stop > 0;
      if (stop || step_totals_.checkpoint > 0) keep_checkpoint(stop);
      if (stop) return false;
    }
    check_replicas(state(), world_, layout_.node);
    clock_.lap(TimePhase::checkpoint);
    if (!report()) {
      keep_checkpoint(true);
      return false;
    }
    progress_ = {.layer = progress_.layer,
                 .epoch = progress_.epoch + 1,
                 .steps = progress_.steps,
                 .best_epoch = progress_.best_epoch,
                 .best_figure = progress_.best_figure};
    return true;
  }

  /// What the ranks of the node have told goes to the other nodes, before the gradient: behind it, it would have to
  /// wait on the wire.
  void start_totals() {
    counts_ = {};
    for (const StepTotals& rank : memory_.totals) {
      counts_[0] += rank.loss;
      counts_[1] += rank.stop;
      counts_[2] += rank.checkpoint;
    }
    if (under_way_) under_way_->start(std::span(counts_));
  }

  /// The gradient of this rank's share, over the rows of the node, goes to the sums.
  void sum_gradient(bool first_part) {
    const bool add = !first_part && !memory_.sums->wide();
    for (const std::vector<BlockRows>& piece : plan_.pieces) {
      for (const BlockRows& part : piece) {
        for_each_panel(part, [&](Shard rows, std::size_t thread) {
          Real* const sums = sums_of(part.block, rows.first);
          Real* const gradient = add ? panel_of(thread) : sums;
          memory_.function.rows->gradient(part.block, rows, thread, gradient);
          const std::size_t count = rows.count * plan_.blocks[part.block].columns;
          for (std::size_t i = 0; add && i < count; ++i) sums[i] += gradient[i];
          if (thread == 0 && under_way_) under_way_->progress();
        });
      }
      if (under_way_) {
        const Shard values = plan_.mine.values(piece);
        under_way_->start(memory_.sums->values().subspan(values.first, values.count));
      }
    }
    memory_.sums->finish_part(first_part);
    clock_.lap(TimePhase::products);
  }

  /// The totals become those of all ranks, and so do the sums that are not under way.
  void exchange(std::uint64_t batch_rows) {
    now_doing("exchanging gradients");
    if (under_way_) {
      under_way_->wait();
    } else {
      layout_.peers.sum(std::span(counts_));
      if (memory_.sums) memory_.sums->exchange(layout_.peers, batch_rows);
    }
    step_totals_ = {counts_[0], counts_[1], counts_[2]};
    clock_.lap(TimePhase::exchange);
  }

  /// Moves this rank's share of the parameters.
  void update() {
    begin_parts();
    for (const std::vector<BlockRows>& piece : plan_.pieces) {
      if (under_way_) under_way_->wait();
      clock_.lap(TimePhase::exchange);
      for (const BlockRows& part : piece) {
        const ParameterBlock& block = plan_.blocks[part.block];
        for_each_panel(part, [&](Shard rows, std::size_t thread) {
          Real* const gradient = memory_.sums ? sums_of(part.block, rows.first) : panel_of(thread);
          if (!memory_.sums) memory_.function.rows->gradient(part.block, rows, thread, gradient);
          if (thread == 0) clock_.lap(TimePhase::products);
          const std::size_t first = plan_.blocks.offset(part.block, rows.first);
          memory_.optimizer->update(block, first, rows.count * block.columns, gradient,
                                    memory_.parameters.data() + first);
          memory_.function.follower->follow(part.block, rows, part_of(thread));
          if (thread == 0) clock_.lap(TimePhase::update);
        });
      }
    }
  }

  template <typename Body>
  void for_each_panel(const BlockRows& part, const Body& body) {
    plan_.for_each_panel(part, memory_.function.rows->panel_rows(part.block), body);
  }

  [[nodiscard]] Real* panel_of(std::size_t thread) const { return memory_.panels.data() + thread * memory_.panel_size; }
  /// The place of a row of this rank's in the sums.
  [[nodiscard]] Real* sums_of(std::size_t block, std::uint64_t row) {
    return memory_.sums->values().data() + plan_.mine.place(block, row);
  }

  [[nodiscard]] std::size_t part_of(std::size_t thread) const {
    return plan_.share.slot * plan_.share.threads + thread;
  }

  void begin_parts() {
    for (std::size_t thread = 0; thread < plan_.share.threads; ++thread)
      memory_.function.follower->begin_part(part_of(thread));
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
    begin_parts();
    for (std::size_t block = 0; block < plan_.mine.blocks(); ++block) {
      for_each_panel({block, plan_.mine.rows(block)}, [&](Shard rows, std::size_t thread) {
        memory_.function.follower->follow(block, rows, part_of(thread));
      });
    }
  }

  [[nodiscard]] TrainingState state() const {
    return {memory_.parameters, memory_.optimizer_memory, progress_, plan_.blocks};
  }

  void keep_checkpoint(bool stopped) {
    progress_.epoch_seconds = progress_.epoch_rows > 0 ? epoch_seconds() : 0;
    clock_.restart();
    check_replicas(state(), world_, layout_.node);
    now_doing("keeping a checkpoint");
    if (events_.checkpoint) events_.checkpoint(state(), stopped);
    clock_.lap(TimePhase::checkpoint);
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

  /// The end of an epoch. False if training was stopped meanwhile.
  bool report() {
    const double seconds = epoch_seconds();
    EpochMetrics metrics{.layer = progress_.layer,
                         .epoch = progress_.epoch,
                         .step = progress_.steps - options_.first_step,
                         .samples = progress_.epoch_rows,
                         .seconds = seconds,
                         .samples_per_second = static_cast<double>(progress_.epoch_rows) / seconds,
                         .figures = {{memory_.function.measures->loss_name(), mean_loss()}}};
    clock_.restart();
    if (!memory_.function.measures->measure(progress_, metrics.figures)) return false;
    clock_.lap(TimePhase::validation);
    if (events_.epoch) {
      events_.epoch(metrics);
      clock_.lap(TimePhase::output);
    }
    if (progress_.best_epoch == progress_.epoch && events_.best) {
      events_.best(state());
      clock_.lap(TimePhase::checkpoint);
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
  Workspace workspace_;
  StepMemory memory_;
  std::optional<SumsUnderWay> under_way_;
  StepCounts counts_{};     // of this step: sums over the node, then over all
  StepTotals step_totals_;  // of all ranks, in the last step
  PhaseClock clock_;
  TrainingProgress progress_;
  Clock::time_point epoch_begin_;
};

}  // namespace

OptimizationResult optimize(const GradientFunction& function, const Rows& samples, const OptimizationOptions& options,
                            const Communicator& world, const TrainingEvents& events, std::optional<SavedState> start) {
  world.agree([&] {
    check_options(options);
    check_blocks(function.blocks());
    if (samples.rows == 0) throw Error(Failure::file, "there are no rows to train on");
  });
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
  if (resumes != 0) {
    optimization->resume(start);
  } else {
    optimization->begin();
  }
  start.reset();
  return optimization->run();
}

}  // namespace rbmpi
