#include "rbmpi/train/optimize.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/row_order.hpp"
#include "rbmpi/parallel/sums_under_way.hpp"
#include "rbmpi/train/early_stop.hpp"
#include "rbmpi/train/gradient_sums.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "rbmpi/train/rank_layout.hpp"
#include "rbmpi/train/replicas.hpp"
#include "train/rank_share.hpp"
#include "train/refuse_option.hpp"

namespace rbmpi {
namespace {

/// Blocks with fewer values for a rank are done by one thread: to wake the others would take longer.
constexpr std::size_t values_worth_threads = 1 << 14;

bool wide_sums(const GradientFunction& function, const OptimizationOptions& options) {
  return function.has_exact_sums() && options.batch_size > largest_single_precision_batch;
}

/// The most rows of a mini-batch that a node can have, of `rows` rows in all.
std::uint64_t largest_share(const OptimizationOptions& options, std::uint64_t rows, int nodes) {
  return shard(std::min(options.batch_size, rows), 0, nodes).count;
}

/// Whether sums must be kept: more is to be added to them, by other nodes or parts of the batch, or they are wide.
bool keeps_sums(bool wide, const NodeShare& share, std::uint64_t longest_share, int nodes) {
  return nodes > 1 || longest_share > share.node_rows || wide;
}

/// Whether the gradient of a panel is formed apart: it is used up at once, or added to that of other parts.
bool needs_panels(bool wide, const NodeShare& share, std::uint64_t longest_share, int nodes) {
  return !keeps_sums(wide, share, longest_share, nodes) || (longest_share > share.node_rows && !wide);
}

/// What a rank tells the others of its node in each step, on a cache line of its own.
struct alignas(64) StepTotals {
  std::int64_t loss = 0;  // in units of loss_unit
  std::int64_t stop = 0;  // wishes
  std::int64_t checkpoint = 0;
};

/// Bytes that the ranks of a node share.
std::uint64_t shared_memory(const GradientFunction& function, const OptimizationOptions& options,
                            const NodeShare& share) {
  NodeMemory counted;
  (void)counted.take<Real>(function.blocks().size());
  (void)counted.take<StepTotals>(share.slots);
  return counted.taken() + function.shared_memory(share) + optimizer_memory(function.blocks(), options);
}

/// Who shares the parameters with whom, and the memory for it.
struct TrainingMemory {
  RankLayout layout;
  NodeShare share;
  NodeMemory memory;
};

/// Collective.
TrainingMemory take_memory(const GradientFunction& function, const OptimizationOptions& options, std::uint64_t rows,
                           Exchange exchange, const Communicator& world) {
  TrainingMemory taken{.layout = arrange_ranks(world, exchange, options.ranks_per_node), .share = {}, .memory = {}};
  const Communicator& node = taken.layout.node;
  taken.share = first_share(function, options, rows, taken.layout.peers.size(), node.size());
  taken.share.slot = static_cast<std::size_t>(node.rank());
  world.agree([&] { taken.memory = NodeMemory(node, shared_memory(function, options, taken.share)); });
  return taken;
}

/// Collective. Copies of the parameters where `automatic` finds no memory to share on some node.
TrainingMemory find_memory(const GradientFunction& function, const OptimizationOptions& options, std::uint64_t rows,
                           const Communicator& world) {
  try {
    return take_memory(function, options, rows, options.exchange, world);
  } catch (const AgreedError& error) {
    if (error.failure() == Failure::usage || options.exchange == Exchange::allreduce || world.size() == 1) throw;
    if (options.exchange == Exchange::shared) {
      throw AgreedError(error.failure(), fmt::format("{}; exchange = allreduce does without", error.what()));
    }
  }
  return take_memory(function, options, rows, Exchange::allreduce, world);
}

/// One optimisation on one rank. The path of the data is `step`, top to bottom.
class Optimization {
 public:
  /// Collective.
  Optimization(GradientFunction& function, const Samples& samples, const OptimizationOptions& options,
               TrainingMemory memory, const Communicator& world, const TrainingEvents& events)
      : function_(function),
        blocks_(function.blocks()),
        samples_(samples),
        options_(options),
        world_(world),
        events_(events),
        layout_(std::move(memory.layout)),
        sums_by_(iallreduce_setting(world).empty() ? SumsBy::messages : SumsBy::mpi),
        share_(memory.share),
        memory_(std::move(memory.memory)),
        parameters_(memory_.take<Real>(blocks_.size())),
        totals_(memory_.take<StepTotals>(share_.slots)) {}

  /// Local. Everything that may fail on one rank alone.
  void prepare() {
    function_.prepare(share_, parameters_, memory_);
    optimizer_ = optimizer(options_.optimizer).make(blocks_, options_, memory_);
    optimizer_memory_ = optimizer_->memory();
    mine_ = RankShare(blocks_, share_);
    const int nodes = layout_.peers.size();
    const bool wide = wide_sums(function_, options_);
    const std::uint64_t longest_share = largest_share(options_, samples_.rows, nodes);
    if (needs_panels(wide, share_, longest_share, nodes)) {
      panel_size_ = largest_panel(function_, share_);
      panels_ = AlignedBuffer<Real>(share_.threads * panel_size_);
    }
    if (keeps_sums(wide, share_, longest_share, nodes)) sums_.emplace(mine_.size(), wide);
    const std::size_t pieces = exchange_pieces(function_, options_, samples_.rows, nodes, layout_.node.size());
    pieces_ = mine_.cut(std::max<std::size_t>(pieces, 1));
    if (pieces > 0) {
      const std::size_t longest = std::max(longest_piece() * sizeof(Real), sizeof(counts_));
      under_way_.emplace(layout_.peers, sums_by_, pieces_.size() + 1, longest);
    }
  }

  /// Collective.
  void begin() {
    function_.begin(parameters_, layout_.node.is_root());
    progress_.layer = options_.layer;
    progress_.steps = options_.first_step;
    memory_.synchronise();
  }

  /// Local. Whether a start is one of this training.
  void check_start(const SavedState& start) const {
    if (start.parameters.size() != parameters_.size()) {
      throw Error(Failure::file, fmt::format("the start has {} parameters instead of {}", start.parameters.size(),
                                             parameters_.size()));
    }
    if (!start.blocks.same_sizes(blocks_)) {
      throw Error(Failure::file,
                  fmt::format("the start has parameters of another shape: {} instead of {}",
                              start.blocks.count() == 0 ? "none is told" : to_text(start.blocks), to_text(blocks_)));
    }
    if (start.optimizer.size() != optimizer_memory_.size()) {
      throw Error(Failure::file, fmt::format("the start has no memory of the optimizer '{}'", options_.optimizer));
    }
    for (std::size_t i = 0; i < optimizer_memory_.size(); ++i) {
      const auto& [name, values] = start.optimizer[i];
      if (name == optimizer_memory_[i].name && values.size() == optimizer_memory_[i].values.size()) continue;
      throw Error(Failure::file, fmt::format("the start has no '{}' of the right size for the optimizer '{}'",
                                             optimizer_memory_[i].name, options_.optimizer));
    }
    check_progress(start.progress);
  }

  void check_progress(const TrainingProgress& progress) const {
    if (progress.layer != options_.layer) {
      throw Error(Failure::file, fmt::format("the start is in layer {} instead of {}", progress.layer, options_.layer));
    }
    if (progress.steps < options_.first_step) {
      throw Error(Failure::file, fmt::format("the start is at step {}, but layer {} begins after step {}",
                                             progress.steps, options_.layer, options_.first_step));
    }
    if (progress.epoch == 0 || progress.epoch > options_.epochs + 1 ||
        progress.epoch_rows > (progress.epoch <= options_.epochs ? samples_.rows : 0)) {
      throw Error(Failure::file, fmt::format("the start is in epoch {} after {} rows of it, but there are {} epochs of "
                                             "{} rows",
                                             progress.epoch, progress.epoch_rows, options_.epochs, samples_.rows));
    }
  }

  /// Collective. Every node takes over the parameters, the optimizer's memory and the progress of the root's `start`.
  void resume(const std::optional<SavedState>& start) {
    world_.agree_on_root([&] {
      check_start(*start);
      std::ranges::copy(start->parameters.span(), parameters_.begin());
      for (std::size_t i = 0; i < optimizer_memory_.size(); ++i) {
        std::ranges::copy(start->optimizer[i].values.span(), optimizer_memory_[i].values.begin());
      }
      progress_ = start->progress;
    });
    if (layout_.node.is_root()) {
      layout_.peers.broadcast(std::as_writable_bytes(parameters_));
      for (const OptimizerMemory& memory : optimizer_memory_) {
        layout_.peers.broadcast(std::as_writable_bytes(memory.values));
      }
    }
    world_.broadcast(std::as_writable_bytes(std::span(&progress_, 1)));
    memory_.synchronise();
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
    result.shared_bytes = layout_.node.size() > 1 ? memory_.taken() : 0;
    result.time_split = clock_.split();
    result.progress = progress_;
    result.finished = finished;
    // What is no longer needed makes room for the result.
    sums_.reset();
    under_way_.reset();
    function_.finish();
    panels_ = {};
    world_.agree_on_root([&] {
      result.parameters = AlignedBuffer<Real>(parameters_.size());
      std::ranges::copy(parameters_, result.parameters.data());
    });
    return result;
  }

  /// Values of the largest panel of a thread.
  static std::size_t largest_panel(const GradientFunction& function, const NodeShare& share) {
    const ParameterBlocks& blocks = function.blocks();
    std::size_t most = 0;
    for (std::size_t block = 0; block < blocks.count(); ++block) {
      const ParameterBlock& all = blocks[block];
      const Shard of_rank = shard_in_groups({0, all.rows}, all.group, 0, static_cast<int>(share.slots));
      const std::size_t parts = threads_for(all, of_rank, share.threads);
      const Shard of_thread = shard_in_groups(of_rank, all.group, 0, static_cast<int>(parts));
      most = std::max(most, std::min<std::size_t>(of_thread.count, function.panel_rows(block)) * all.columns);
    }
    return whole_lines<Real>(most);
  }

 private:
  using Clock = std::chrono::steady_clock;

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

  /// One mini-batch: the next `batch_rows` rows of the epoch's order.
  void step(const RowOrder& order, std::uint64_t batch_rows) {
    const StepWishes wishes = events_.wishes ? events_.wishes(progress_) : StepWishes{};
    StepTotals& mine = totals_[share_.slot];
    mine = {};
    const Shard share = shard(batch_rows, layout_.node_index, layout_.peers.size());
    const std::uint64_t longest_share = shard(batch_rows, 0, layout_.peers.size()).count;
    const MiniBatch batch{.samples = &samples_,
                          .order = &order,
                          .first = progress_.epoch_rows + share.first,
                          .count = share.count,
                          .position = share.first,
                          .step = progress_.steps - options_.first_step};
    clock_.lap(TimePhase::update);

    for (std::uint64_t first = 0; first < longest_share; first += share_.node_rows) {
      const bool last = first + share_.node_rows >= longest_share;
      now_doing("taking the rows of the batch");
      const std::uint64_t begin = std::min(first, batch.count);
      const MiniBatch part = batch.part(begin, std::min<std::uint64_t>(share_.node_rows, batch.count - begin));
      mine.loss += function_.take_rows(part, clock_);
      if (last) {
        // Asked at the last moment: whoever sent the signal may not wait for another step.
        mine.stop = wishes.stop || stop_requested() ? 1 : 0;
        mine.checkpoint = wishes.checkpoint ? 1 : 0;
      }
      now_doing("waiting for the rows of the node");
      memory_.synchronise();
      clock_.lap(TimePhase::exchange);
      if (last) start_totals();
      if (!sums_) break;
      sum_gradient(first == 0);
      if (last) break;
      memory_.synchronise();  // the next part takes the place of these rows
      clock_.lap(TimePhase::exchange);
    }
    exchange(batch_rows);

    now_doing("updating the parameters");
    optimizer_->begin_step(progress_.epoch, progress_.steps - options_.first_step + 1,
                           sums_ ? sums_->sample_share(batch_rows) : Real{1} / static_cast<Real>(batch_rows));
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

  /// The threads that share out these rows of a block.
  static std::size_t threads_for(const ParameterBlock& block, Shard rows, std::size_t threads) {
    return rows.count * block.columns < values_worth_threads ? 1 : threads;
  }

  /// Calls body(rows, thread) for panels of these rows, on all threads if there is enough for them.
  template <typename Body>
  void for_each_panel(const BlockRows& part, const Body& body) {
    const ParameterBlock& block = blocks_[part.block];
    const std::size_t threads = threads_for(block, part.rows, share_.threads);
    const std::size_t panel_rows = function_.panel_rows(part.block);
    const auto cut = [&](Shard rows, std::size_t index, std::size_t count) {
      return shard_in_groups(rows, block.group, static_cast<int>(index), static_cast<int>(count));
    };
    const auto on_thread = [&](std::size_t thread) {
      const Shard rows = cut(part.rows, thread, threads);
      const std::size_t panels = (rows.count + panel_rows - 1) / panel_rows;
      for (std::size_t panel = 0; panel < panels; ++panel) body(cut(rows, panel, panels), thread);
    };
    if (threads == 1) {
      on_thread(0);
    } else {
      parallel_for(threads, on_thread);
    }
  }

  [[nodiscard]] Real* panel_of(std::size_t thread) { return panels_.data() + thread * panel_size_; }

  /// The place of a row of this rank's in the sums.
  [[nodiscard]] Real* sums_of(std::size_t block, std::uint64_t row) {
    return sums_->values().data() + mine_.place(block, row);
  }

  [[nodiscard]] std::span<Real> sums_of(const std::vector<BlockRows>& piece) {
    if (piece.empty()) return {};
    const BlockRows& last = piece.back();
    return {sums_of(piece.front().block, piece.front().rows.first),
            sums_of(last.block, last.rows.first + last.rows.count)};
  }

  /// Values.
  [[nodiscard]] std::size_t longest_piece() {
    std::size_t longest = 0;
    for (const std::vector<BlockRows>& piece : pieces_) longest = std::max(longest, sums_of(piece).size());
    return longest;
  }

  /// What the ranks of the node have told goes to the other nodes, before the gradient: behind it, it would have to
  /// wait on the wire.
  void start_totals() {
    counts_ = {};
    for (const StepTotals& rank : totals_) {
      counts_[0] += rank.loss;
      counts_[1] += rank.stop;
      counts_[2] += rank.checkpoint;
    }
    if (under_way_) under_way_->start(std::span(counts_));
  }

  /// The gradient of this rank's share, over the rows of the node, goes to the sums.
  void sum_gradient(bool first_part) {
    const bool add = !first_part && !sums_->wide();
    for (const std::vector<BlockRows>& piece : pieces_) {
      for (const BlockRows& part : piece) {
        for_each_panel(part, [&](Shard rows, std::size_t thread) {
          Real* const sums = sums_of(part.block, rows.first);
          Real* const gradient = add ? panel_of(thread) : sums;
          function_.gradient(part.block, rows, thread, gradient);
          const std::size_t count = rows.count * blocks_[part.block].columns;
          for (std::size_t i = 0; add && i < count; ++i) sums[i] += gradient[i];
          if (thread == 0 && under_way_) under_way_->progress();
        });
      }
      if (under_way_) under_way_->start(sums_of(piece));
    }
    sums_->finish_part(first_part);
    clock_.lap(TimePhase::products);
  }

  /// The totals become those of all ranks, and so do the sums that are not under way.
  void exchange(std::uint64_t batch_rows) {
    now_doing("exchanging gradients");
    if (under_way_) {
      under_way_->wait();
    } else {
      layout_.peers.sum(std::span(counts_));
      if (sums_) sums_->exchange(layout_.peers, batch_rows);
    }
    step_totals_ = {counts_[0], counts_[1], counts_[2]};
    clock_.lap(TimePhase::exchange);
  }

  /// Moves this rank's share of the parameters.
  void update() {
    begin_parts();
    for (const std::vector<BlockRows>& piece : pieces_) {
      if (under_way_) under_way_->wait();
      clock_.lap(TimePhase::exchange);
      for (const BlockRows& part : piece) {
        const ParameterBlock& block = blocks_[part.block];
        for_each_panel(part, [&](Shard rows, std::size_t thread) {
          Real* const gradient = sums_ ? sums_of(part.block, rows.first) : panel_of(thread);
          if (!sums_) function_.gradient(part.block, rows, thread, gradient);
          if (thread == 0) clock_.lap(TimePhase::products);
          const std::size_t first = blocks_.offset(part.block, rows.first);
          optimizer_->update(block, first, rows.count * block.columns, gradient, parameters_.data() + first);
          function_.follow(part.block, rows, part_of(thread));
          if (thread == 0) clock_.lap(TimePhase::update);
        });
      }
    }
  }

  [[nodiscard]] std::size_t part_of(std::size_t thread) const { return share_.slot * share_.threads + thread; }

  void begin_parts() {
    for (std::size_t thread = 0; thread < share_.threads; ++thread) function_.begin_part(part_of(thread));
  }

  /// The function follows the parameters that all ranks of the node have changed. False if it cannot.
  bool settle() {
    for (;;) {
      clock_.lap(TimePhase::update);
      memory_.synchronise();
      clock_.lap(TimePhase::exchange);
      const GradientFunction::Fit fit = function_.settle();
      if (fit != GradientFunction::Fit::again) return fit == GradientFunction::Fit::good;
      memory_.synchronise();  // all have seen why
      follow_share();
    }
  }

  void follow_share() {
    begin_parts();
    for (std::size_t block = 0; block < mine_.blocks(); ++block) {
      for_each_panel({block, mine_.rows(block)},
                     [&](Shard rows, std::size_t thread) { function_.follow(block, rows, part_of(thread)); });
    }
  }

  [[nodiscard]] TrainingState state() const { return {parameters_, optimizer_memory_, progress_, blocks_}; }

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
    if (!settle()) throw AgreedError(Failure::usage, function_.refusal());
  }

  /// All ranks have the same parameters and so come to the same end.
  void follow_parameters() {
    if (settle()) return;
    const std::uint64_t epoch = progress_.epoch;
    throw AgreedError(
        Failure::diverged,
        fmt::format("the parameters are no longer finite, or far too large, in epoch {} after step {}: most likely "
                    "learning-rate = {} is too high{}; try {}",
                    epoch, progress_.steps, options_.learning_rate.at(epoch),
                    options_.weight_cost.at(epoch) * options_.learning_rate.at(epoch) > 1
                        ? fmt::format(" for weight-cost = {}", options_.weight_cost.at(epoch))
                        : "",
                    gentler_learning_rate(optimizer(options_.optimizer), options_.learning_rate.at(epoch),
                                          options_.weight_cost.at(epoch))));
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
                         .figures = {{function_.loss_name(), mean_loss()}}};
    clock_.restart();
    if (!function_.measure(progress_, metrics.figures)) return false;
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

  [[nodiscard]] double mean_loss() const { return function_.mean_loss(progress_.epoch_loss, progress_.epoch_rows); }

  GradientFunction& function_;
  const ParameterBlocks& blocks_;
  const Samples& samples_;
  const OptimizationOptions& options_;
  const Communicator& world_;
  const TrainingEvents& events_;
  RankLayout layout_;
  SumsBy sums_by_;
  NodeShare share_;
  NodeMemory memory_;
  std::span<Real> parameters_;            // of the node, or of this rank
  std::span<StepTotals> totals_;          // of each rank of the node
  std::array<std::int64_t, 3> counts_{};  // the same as sums over the node, then over all: loss, stop, checkpoint
  StepTotals step_totals_;                // of all ranks, in the last step
  std::unique_ptr<Optimizer> optimizer_;
  std::vector<OptimizerMemory> optimizer_memory_;
  RankShare mine_;
  std::size_t panel_size_ = 0;
  AlignedBuffer<Real> panels_;        // the gradient of one panel of rows, for each thread
  std::optional<GradientSums> sums_;  // where more is to be added to it: by other nodes, or parts of the batch
  std::vector<std::vector<BlockRows>> pieces_;  // of this rank's share, that are exchanged one after the other
  std::optional<SumsUnderWay> under_way_;
  PhaseClock clock_;
  TrainingProgress progress_;
  Clock::time_point epoch_begin_;
};

/// Each value of a schedule in [0, limit), or (0, limit) if it must not be zero.
void check_schedule(const std::string& key, const Schedule& schedule, bool zero_allowed, double limit) {
  for (const Schedule::Step& step : schedule.steps()) {
    const auto used = static_cast<Real>(step.value);  // training is in single precision
    const bool low = zero_allowed ? step.value < 0 : used <= 0;
    if (!low && step.value < limit && std::isfinite(used)) continue;
    refuse_option(key, schedule.text(),
                  fmt::format("must be {}{}", zero_allowed ? "0 or more" : "more than 0",
                              std::isfinite(limit) ? fmt::format(" and less than {}", limit)
                                                   : std::string(", and a number that single precision can hold")));
  }
}

void check_blocks(const ParameterBlocks& blocks) {
  constexpr std::size_t most = std::size_t{1} << 45U;  // parameters: more than any machine has room for
  std::size_t all = 0;
  for (std::size_t i = 0; i < blocks.count(); ++i) {
    const ParameterBlock& block = blocks[i];
    if (block.rows > 0 && block.columns > 0 && block.group > 0 &&
        block.rows <= most / block.columns - all / block.columns) {
      all += block.size();
      continue;
    }
    throw Error(Failure::usage, fmt::format("block {} of the parameters has {} rows x {} columns in groups of {}: each "
                                            "must be at least 1, and all parameters at most {}",
                                            i, block.rows, block.columns, block.group, most));
  }
  if (all == 0) throw Error(Failure::usage, "there are no parameters to optimise");
}

}  // namespace

OptimizationResult optimize(GradientFunction& function, const Samples& samples, const OptimizationOptions& options,
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
  TrainingMemory memory = find_memory(function, options, samples.rows, world);
  OptimizationOptions chosen = options;
  chosen.exchange = memory.layout.exchange;
  Optimization optimization(function, samples, chosen, std::move(memory), world, events);
  world.agree([&] { optimization.prepare(); });
  if (resumes != 0) {
    optimization.resume(start);
  } else {
    optimization.begin();
  }
  start.reset();
  return optimization.run();
}

Exchange exchange_in_use(const GradientFunction& function, const OptimizationOptions& options, std::uint64_t rows,
                         const Communicator& world) {
  if (options.exchange != Exchange::automatic) return options.exchange;
  return find_memory(function, options, rows, world).layout.exchange;
}

void check_options(const OptimizationOptions& options) {
  constexpr double unlimited = std::numeric_limits<double>::infinity();
  constexpr std::uint64_t largest_batch = std::uint64_t{1} << 31;
  if (options.epochs == 0) refuse_option("epochs", "0", "must be at least 1");
  if (options.batch_size == 0 || options.batch_size > largest_batch) {
    refuse_option("batch-size", fmt::format("{}", options.batch_size),
                  fmt::format("must be from 1 to {}", largest_batch));
  }
  check_schedule("learning-rate", options.learning_rate, false, unlimited);
  check_schedule("momentum", options.momentum, true, 1);
  check_schedule("weight-cost", options.weight_cost, true, unlimited);
  if (options.patience == 0) refuse_option("patience", "0", "must be at least 1");
  (void)optimizer(options.optimizer);
}

NodeShare first_share(const GradientFunction& function, const OptimizationOptions& options, std::uint64_t rows,
                      int nodes, int ranks_on_node) {
  const auto slots = static_cast<std::size_t>(ranks_on_node);
  std::uint64_t most = std::min<std::uint64_t>(slots * rows_at_once, largest_share(options, rows, nodes));
  // They are added up in single precision, so exactly only up to a limit.
  if (wide_sums(function, options)) most = std::min<std::uint64_t>(most, largest_single_precision_batch);
  return {.node_rows = most, .slots = slots, .slot = 0, .threads = static_cast<std::size_t>(threads_in_use())};
}

std::size_t exchange_pieces(const GradientFunction& function, const OptimizationOptions& options, std::uint64_t rows,
                            int nodes, int ranks_on_node) {
  const NodeShare share = first_share(function, options, rows, nodes, ranks_on_node);
  const bool in_parts = largest_share(options, rows, nodes) > share.node_rows;
  if (nodes == 1 || options.exchange == Exchange::allreduce || in_parts || wide_sums(function, options)) return 0;
  return RankShare(function.blocks(), share).good_pieces(share.threads);
}

std::uint64_t optimization_memory(const GradientFunction& function, const OptimizationOptions& options,
                                  std::uint64_t rows, int ranks, int ranks_on_node) {
  if (options.exchange == Exchange::allreduce) ranks_on_node = 1;
  const int nodes = ranks / ranks_on_node;
  const NodeShare share = first_share(function, options, rows, nodes, ranks_on_node);
  const auto on_node = static_cast<std::uint64_t>(ranks_on_node);
  const std::uint64_t longest_share = largest_share(options, rows, nodes);
  const bool wide = wide_sums(function, options);
  const std::uint64_t parameters = function.blocks().size();
  const std::uint64_t sums =
      keeps_sums(wide, share, longest_share, nodes) ? GradientSums::memory(parameters / on_node, wide) : 0;
  const std::uint64_t panels = needs_panels(wide, share, longest_share, nodes)
                                   ? share.threads * Optimization::largest_panel(function, share) * sizeof(Real)
                                   : 0;
  const std::size_t pieces = exchange_pieces(function, options, rows, nodes, ranks_on_node);
  const std::uint64_t under_way =
      pieces > 0 ? SumsUnderWay::memory(nodes, parameters * sizeof(Real) / on_node / pieces) : 0;
  const std::uint64_t in_steps = sums + under_way + panels + function.memory(share, ranks);
  const std::uint64_t at_the_end =
      (parameters * sizeof(Real) + on_node - 1) / on_node;  // the result, of the root alone
  return (shared_memory(function, options, share) + on_node - 1) / on_node + std::max(in_steps, at_the_end);
}

}  // namespace rbmpi
