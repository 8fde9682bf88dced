#include "rbmpi/train/trainer.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/row_order.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/parallel/sums_under_way.hpp"
#include "rbmpi/train/early_stop.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "rbmpi/train/gradient_sums.hpp"
#include "rbmpi/train/likelihood.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "rbmpi/train/rank_layout.hpp"
#include "rbmpi/train/replicas.hpp"

namespace rbmpi {
namespace {

constexpr std::uint32_t first_layer = 0;

/// More rows than an estimator does at a time.
constexpr std::uint64_t largest_panel = 256;

/// What is exchanged at a time is a large part of the sums, so that the latency of the network counts little.
constexpr std::size_t most_pieces = 8;

bool wide_sums(const TrainingOptions& options) {
  return options.arithmetic == Arithmetic::exact && options.batch_size > largest_single_precision_batch;
}

/// The most rows of a mini-batch that a node can have, of `rows` rows in all.
std::uint64_t largest_share(const TrainingOptions& options, std::uint64_t rows, int nodes) {
  return shard(std::min(options.batch_size, rows), 0, nodes).count;
}

EstimatorSizes estimator_sizes(const TrainingOptions& options, std::uint64_t rows, std::uint64_t visible, int nodes,
                               int ranks_on_node) {
  const auto slots = static_cast<std::size_t>(ranks_on_node);
  std::uint64_t most = std::min<std::uint64_t>(slots * rows_at_once, largest_share(options, rows, nodes));
  // They are added up in single precision, so exactly only up to a limit.
  if (wide_sums(options)) most = std::min<std::uint64_t>(most, largest_single_precision_batch);
  return {.shape = {visible, options.hidden},
          .engine = engine_in_use(options),
          .sample_data = options.sample_data,
          .node_rows = most,
          .slots = slots};
}

/// Whether sums must be kept: more is to be added to them, by other nodes or parts of the batch, or they are wide.
bool keeps_sums(const TrainingOptions& options, const EstimatorSizes& sizes, std::uint64_t longest_share, int nodes) {
  return nodes > 1 || longest_share > sizes.node_rows || wide_sums(options);
}

/// Whether the gradient of a panel is formed apart: it is used up at once, or added to that of other parts.
bool needs_panels(const TrainingOptions& options, const EstimatorSizes& sizes, std::uint64_t longest_share, int nodes) {
  return !keeps_sums(options, sizes, longest_share, nodes) || (longest_share > sizes.node_rows && !wide_sums(options));
}

/// The most rows that go upward as probabilities instead of states, on one rank.
std::size_t probability_rows(const TrainingOptions& options, bool validation, const EstimatorSizes& sizes) {
  const std::size_t of_batch = shard(sizes.node_rows, 0, static_cast<int>(sizes.slots)).count;
  return std::max(options.sample_data ? 0 : of_batch, validation ? validation_rows_at_once : 0);
}

/// What a rank tells the others of its node in each step, on a cache line of its own.
struct alignas(64) StepTotals {
  std::int64_t squared_error = 0;  // in units of squared_error_unit
  std::int64_t stop = 0;           // wishes
  std::int64_t checkpoint = 0;
};

/// Bytes that the ranks of a node share for training.
std::uint64_t shared_memory(const TrainingOptions& options, const EstimatorSizes& sizes) {
  NodeMemory counted;
  (void)counted.take<Real>(sizes.shape.parameters());
  (void)counted.take<StepTotals>(sizes.slots);
  return counted.taken() +
         WeightProducts::shared_memory(options.arithmetic, sizes.shape,
                                       sizes.slots * static_cast<std::size_t>(threads_in_use())) +
         gradient_estimator(options.estimator).shared_memory(sizes) + optimizer_memory(sizes.shape, options);
}

/// Collective over the nodes' ranks. Fails everywhere if it does anywhere.
NodeMemory make_memory(const Communicator& world, const Communicator& node, std::uint64_t bytes) {
  if (!NodeMemory::fits(world, node, bytes)) {
    throw AgreedError(Failure::other,
                      fmt::format("training needs {} on each node that its ranks share, but /dev/shm of one has less; "
                                  "exchange = allreduce does without",
                                  human_bytes(bytes)));
  }
  NodeMemory memory;
  world.agree([&] { memory = NodeMemory(node, bytes); });
  return memory;
}

/// Collective. Mean of each unit over all rows, by exact sums in units of 2^-24.
std::vector<double> unit_means(const Samples& samples, const Communicator& world) {
  constexpr ProbabilityRounding finest{.exact = true, .grid = {exact_bits}};
  std::vector<std::int64_t> sums(samples.columns);
  std::vector<Real> row(samples.columns);
  const Shard mine = shard(samples.rows, world.rank(), world.size());
  world.agree([&] {
    for (std::uint64_t i = mine.first; i < mine.first + mine.count; ++i) {
      throw_if_stopped("averaging the data");
      row_probabilities(samples, samples.row(i), finest, row.data());
      for (std::size_t j = 0; j < row.size(); ++j) sums[j] += static_cast<std::int64_t>(row[j] * 0x1p24F);
    }
  });
  world.sum(std::span(sums));
  std::vector<double> means(samples.columns);
  std::transform(sums.begin(), sums.end(), means.begin(), [&](std::int64_t sum) {
    return static_cast<double>(sum) * 0x1p-24 / static_cast<double>(samples.rows);
  });
  return means;
}

/// One training run of one layer on one rank. The path of the data is `step`, top to bottom.
class Trainer {
 public:
  /// Collective.
  Trainer(const TrainingOptions& options, const TrainingData& data, const Communicator& world,
          const TrainingEvents& events)
      : options_(options),
        data_(data),
        world_(world),
        events_(events),
        layout_(arrange_ranks(world, options.exchange, options.ranks_per_node)),
        sizes_(estimator_sizes(options, data.training.rows, data.training.columns, layout_.peers.size(),
                               layout_.node.size())),
        threads_(static_cast<std::size_t>(threads_in_use())),
        memory_(make_memory(world, layout_.node, shared_memory(options, sizes_))),
        rbm_(sizes_.shape, memory_.take<Real>(sizes_.shape.parameters())),
        totals_(memory_.take<StepTotals>(sizes_.slots)) {}

  /// Local. Everything that may fail on one rank alone.
  void prepare() {
    const std::size_t rows = probability_rows(options_, data_.validation.rows > 0, sizes_);
    products_.emplace(options_.arithmetic, rbm_, rows, sizes_.slots * threads_, memory_);
    optimizer_ = optimizer(options_.optimizer).make(sizes_.shape, options_, memory_);
    optimizer_memory_ = optimizer_->memory();
    estimator_ = gradient_estimator(options_.estimator)
                     .make({.rbm = rbm_,
                            .products = *products_,
                            .options = options_,
                            .sizes = sizes_,
                            .layer = first_layer,
                            .slot = static_cast<std::size_t>(layout_.node.rank())},
                           memory_);
    const auto slot = static_cast<std::size_t>(layout_.node.rank());
    rows_ = sizes_.rows_of_slot(slot);
    biases_ = shard(sizes_.shape.visible + sizes_.shape.hidden, static_cast<int>(slot), layout_.node.size());
    bias_sums_ = AlignedBuffer<Real>(biases_.count);
    const std::uint64_t longest_share = largest_share(options_, data_.training.rows, layout_.peers.size());
    if (needs_panels(options_, sizes_, longest_share, layout_.peers.size())) {
      const std::uint64_t rows_of_thread = (rows_.count / threads_ / rows_together + 1) * rows_together;
      panel_size_ =
          whole_lines<Real>(std::min<std::size_t>(rows_of_thread, estimator_->panel_rows()) * sizes_.shape.hidden);
      panels_ = AlignedBuffer<Real>(threads_ * panel_size_);
    }
    if (keeps_sums(options_, sizes_, longest_share, layout_.peers.size())) {
      sums_.emplace(rows_.count * sizes_.shape.hidden + biases_.count, wide_sums(options_));
      // In one part of a batch, pieces of the sums can be on their way while the next ones are computed.
      if (options_.exchange != Exchange::allreduce && layout_.peers.size() > 1 && longest_share <= sizes_.node_rows &&
          !sums_->wide()) {
        constexpr std::size_t least_values = std::size_t{1} << 16U;
        constexpr std::size_t least_rows = 64;  // of each thread: what is prepared for a piece has to serve many
        pieces_ = std::min(sums_->size() / least_values, rows_.count / (least_rows * threads_));
        pieces_ = std::clamp<std::size_t>(pieces_, sums_->size() / SumsUnderWay::most_values + 1, most_pieces);
        under_way_.emplace(layout_.peers, pieces_);
      }
    }
    if (data_.validation.rows > 0) {
      validation_.emplace(data_.training, data_.validation, sizes_.shape, first_layer, options_);
    }
  }

  /// Collective. Begins with random weights, and the visible bias from the means of the units, if there are any.
  void begin(const std::vector<double>& means) {
    if (layout_.node.is_root()) {
      initialise_weights(rbm_, options_.weight_init, options_.seed, first_layer);
      if (!means.empty()) set_visible_bias_to_log_odds(rbm_, means, data_.training.rows);
    }
    memory_.synchronise();
  }

  /// Collective. Every node takes over the parameters, the optimizer's memory and the progress of the root's `start`.
  void resume(const std::optional<SavedState>& start) {
    world_.agree_on_root([&] {
      if (start->rbm.shape() != sizes_.shape) {
        throw Error(Failure::file,
                    fmt::format("the start has {} x {} units instead of {} x {}", start->rbm.shape().visible,
                                start->rbm.shape().hidden, sizes_.shape.visible, sizes_.shape.hidden));
      }
      if (start->optimizer.size() != optimizer_memory_.size()) {
        throw Error(Failure::file, fmt::format("the start has no memory of the optimizer '{}'", options_.optimizer));
      }
      for (std::size_t i = 0; i < optimizer_memory_.size(); ++i) {
        const auto& [name, values] = start->optimizer[i];
        if (name != optimizer_memory_[i].name || values.size() != optimizer_memory_[i].values.size()) {
          throw Error(Failure::file, fmt::format("the start has no '{}' of the right size for the optimizer '{}'",
                                                 optimizer_memory_[i].name, options_.optimizer));
        }
        std::ranges::copy(values.span(), optimizer_memory_[i].values.begin());
      }
      progress_ = start->progress;
      if (progress_.layer != first_layer || progress_.epoch == 0 || progress_.epoch > options_.epochs + 1 ||
          progress_.epoch_rows > (progress_.epoch <= options_.epochs ? data_.training.rows : 0)) {
        throw Error(Failure::file,
                    fmt::format("the start is in epoch {} after {} rows of it, but there are {} epochs of "
                                "{} rows",
                                progress_.epoch, progress_.epoch_rows, options_.epochs, data_.training.rows));
      }
      std::ranges::copy(start->rbm.parameters(), rbm_.parameters().begin());
    });
    if (layout_.node.is_root()) {
      layout_.peers.broadcast(std::as_writable_bytes(rbm_.parameters()));
      for (const OptimizerMemory& memory : optimizer_memory_) {
        layout_.peers.broadcast(std::as_writable_bytes(memory.values));
      }
    }
    world_.broadcast(std::as_writable_bytes(std::span(&progress_, 1)));
    memory_.synchronise();
  }

  /// Collective.
  TrainingResult run() {
    use_first_parameters();
    bool finished = true;
    while (finished && progress_.epoch <= options_.epochs && !stopped_early(options_, progress_)) {
      finished = run_epoch();
    }
    if (finished) keep_checkpoint(false);
    TrainingResult result{.rbm = {},
                          .shared_bytes = layout_.node.size() > 1 ? memory_.taken() : 0,
                          .time_split = clock_.split(),
                          .progress = progress_,
                          .finished = finished};
    // What is no longer needed makes room for the result.
    sums_.reset();
    validation_.reset();
    estimator_.reset();
    panels_ = {};
    world_.agree_on_root([&] {
      result.rbm = Rbm(sizes_.shape);
      std::ranges::copy(rbm_.parameters(), result.rbm.parameters().begin());
    });
    memory_.release();
    return result;
  }

 private:
  using Clock = std::chrono::steady_clock;

  /// What is left of the current epoch. False if training was stopped.
  bool run_epoch() {
    const std::uint64_t rows = data_.training.rows;
    const RowOrder order(rows, options_.shuffle, options_.seed, first_layer, progress_.epoch);
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
    StepTotals& mine = totals_[static_cast<std::size_t>(layout_.node.rank())];
    mine = {};
    const Shard share = shard(batch_rows, layout_.node_index, layout_.peers.size());
    const std::uint64_t longest_share = shard(batch_rows, 0, layout_.peers.size()).count;
    const MiniBatch batch{.samples = &data_.training,
                          .order = &order,
                          .first = progress_.epoch_rows + share.first,
                          .count = share.count,
                          .position = share.first,
                          .step = progress_.steps};
    clock_.lap(TimePhase::update);

    for (std::uint64_t first = 0; first < longest_share; first += sizes_.node_rows) {
      const bool last = first + sizes_.node_rows >= longest_share;
      now_doing("sampling the states");
      const std::uint64_t begin = std::min(first, batch.count);
      const MiniBatch part = batch.part(begin, std::min<std::uint64_t>(sizes_.node_rows, batch.count - begin));
      mine.squared_error += static_cast<std::int64_t>(estimator_->sample_states(part, clock_));
      if (last) {
        // Asked at the last moment: whoever sent the signal may not wait for another step.
        mine.stop = wishes.stop || stop_requested() ? 1 : 0;
        mine.checkpoint = wishes.checkpoint ? 1 : 0;
      }
      now_doing("waiting for the states of the node");
      memory_.synchronise();
      clock_.lap(TimePhase::exchange);
      if (!sums_) break;
      sum_gradient(first == 0);
      if (last) break;
      memory_.synchronise();  // the next part takes the place of these states
      clock_.lap(TimePhase::exchange);
    }
    exchange(batch_rows);

    now_doing("updating the parameters");
    optimizer_->begin_step(progress_.epoch,
                           sums_ ? sums_->sample_share(batch_rows) : Real{1} / static_cast<Real>(batch_rows));
    update();
    ++progress_.steps;
    follow_parameters();
    clock_.lap(TimePhase::update);

    progress_.epoch_rows += batch_rows;
    progress_.epoch_squared_error += static_cast<double>(step_totals_.squared_error);
    if (events_.state) events_.state(state());
    clock_.lap(TimePhase::checkpoint);
    if (events_.step) {
      events_.step({.epoch = progress_.epoch,
                    .epochs = options_.epochs,
                    .samples = progress_.epoch_rows,
                    .epoch_samples = data_.training.rows,
                    .reconstruction_mse = reconstruction_mse(),
                    .time_split = clock_.split()});
      clock_.lap(TimePhase::output);
    }
  }

  static Shard part_of_rows(Shard rows, std::size_t part, std::size_t parts) {
    return shard_in_groups(rows, rows_together, static_cast<int>(part), static_cast<int>(parts));
  }

  /// Calls body(rows, thread) for panels of these rows of the weights, on all threads.
  template <typename Body>
  void for_each_panel(Shard all, const Body& body) {
    parallel_for(threads_, [&](std::size_t thread) {
      const Shard rows = part_of_rows(all, thread, threads_);
      const std::size_t panels = (rows.count + estimator_->panel_rows() - 1) / estimator_->panel_rows();
      for (std::size_t panel = 0; panel < panels; ++panel) body(part_of_rows(rows, panel, panels), thread);
    });
  }

  /// A piece of this rank's rows: what is exchanged while others are computed.
  [[nodiscard]] Shard piece(std::size_t index) const { return part_of_rows(rows_, index, pieces_); }

  [[nodiscard]] Real* panel_of(std::size_t thread) { return panels_.data() + thread * panel_size_; }

  /// The place of a row of the weights in the sums.
  [[nodiscard]] Real* sums_of(std::uint64_t row) {
    return sums_->values().data() + (row - rows_.first) * sizes_.shape.hidden;
  }

  /// The gradient of this rank's share, over the states of the node, goes to the sums.
  void sum_gradient(bool first_part) {
    const bool add = !first_part && !sums_->wide();
    const auto sum_biases = [&] {  // behind the rows
      Real* const sums = sums_of(rows_.first + rows_.count);
      Real* const gradient = add ? bias_sums_.data() : sums;
      estimator_->bias_gradient(biases_, gradient);
      for (std::size_t i = 0; add && i < biases_.count; ++i) sums[i] += gradient[i];
    };
    sum_biases();
    for (std::size_t index = 0; index < pieces_; ++index) {
      const Shard part = piece(index);
      for_each_panel(part, [&](Shard rows, std::size_t thread) {
        Real* const sums = sums_of(rows.first);
        Real* const gradient = add ? panel_of(thread) : sums;
        estimator_->weight_gradient(rows, thread, gradient);
        for (std::size_t i = 0; add && i < rows.count * sizes_.shape.hidden; ++i) sums[i] += gradient[i];
        if (thread == 0 && under_way_) under_way_->progress();
      });
      if (!under_way_) continue;
      Real* const end = index + 1 < pieces_ ? sums_of(part.first + part.count) : sums_->values().data() + sums_->size();
      under_way_->start({sums_of(part.first), end});
    }
    sums_->finish_part(first_part);
    clock_.lap(TimePhase::products);
  }

  /// The totals, and the sums if there are any, become those of all ranks.
  void exchange(std::uint64_t batch_rows) {
    step_totals_ = {};
    for (const StepTotals& rank : totals_) {
      step_totals_.squared_error += rank.squared_error;
      step_totals_.stop += rank.stop;
      step_totals_.checkpoint += rank.checkpoint;
    }
    now_doing("exchanging gradients");
    if (layout_.peers.size() > 1) {
      std::array<std::int64_t, 3> totals = {step_totals_.squared_error, step_totals_.stop, step_totals_.checkpoint};
      layout_.peers.sum(std::span(totals));
      step_totals_ = {totals[0], totals[1], totals[2]};
    }
    if (sums_ && !under_way_) sums_->exchange(layout_.peers, batch_rows);
    clock_.lap(TimePhase::exchange);
  }

  /// Moves this rank's share of the parameters.
  void update() {
    const std::size_t hidden = sizes_.shape.hidden;
    begin_parts();
    for (std::size_t index = 0; index < pieces_; ++index) {
      if (under_way_) under_way_->wait();
      clock_.lap(TimePhase::exchange);
      for_each_panel(piece(index), [&](Shard rows, std::size_t thread) {
        Real* const gradient = sums_ ? sums_of(rows.first) : panel_of(thread);
        if (!sums_) estimator_->weight_gradient(rows, thread, gradient);
        if (thread == 0) clock_.lap(TimePhase::products);
        optimizer_->update(rows.first * hidden, rows.count * hidden, gradient, rbm_.weights.row(rows.first));
        products_->follow_rows(rows, part_of(thread));
        if (thread == 0) clock_.lap(TimePhase::update);
      });
    }
    Real* const biases = sums_ ? sums_of(rows_.first + rows_.count) : bias_sums_.data();
    if (!sums_) estimator_->bias_gradient(biases_, biases);
    const std::size_t first = sizes_.shape.weights() + biases_.first;
    optimizer_->update(first, biases_.count, biases, rbm_.parameters().data() + first);
    products_->follow_biases(biases_, part_of(0));
  }

  [[nodiscard]] std::size_t part_of(std::size_t thread) const {
    return static_cast<std::size_t>(layout_.node.rank()) * threads_ + thread;
  }

  void begin_parts() {
    for (std::size_t thread = 0; thread < threads_; ++thread) products_->begin_part(part_of(thread));
  }

  /// The products follow the parameters that all ranks of the node have changed. False if they cannot.
  bool settle() {
    for (;;) {
      clock_.lap(TimePhase::update);
      memory_.synchronise();
      clock_.lap(TimePhase::exchange);
      const ExactWeights::Fit fit = products_->settle();
      if (fit != ExactWeights::Fit::other_grid) return fit == ExactWeights::Fit::good;
      memory_.synchronise();  // all have seen the norms
      follow_share();
    }
  }

  void follow_share() {
    begin_parts();
    for_each_panel(rows_, [&](Shard rows, std::size_t thread) { products_->follow_rows(rows, part_of(thread)); });
    products_->follow_biases(biases_, part_of(0));
  }

  [[nodiscard]] TrainingState state() const { return {rbm_, optimizer_memory_, progress_}; }

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
    if (settle()) return;
    throw AgreedError(Failure::usage, fmt::format("weight-init = {}: the initial weights are too large to be summed "
                                                  "exactly; 0.01 is usual",
                                                  options_.weight_init));
  }

  /// All ranks have the same parameters and so come to the same end.
  void follow_parameters() {
    if (settle()) return;
    const std::uint64_t epoch = progress_.epoch;
    throw AgreedError(
        Failure::diverged,
        fmt::format("the parameters are no longer finite, or far too large, in epoch {} after step {}: most likely "
                    "learning-rate = {} is too high{}; try a tenth of it",
                    epoch, progress_.steps, options_.learning_rate.at(epoch),
                    options_.weight_cost.at(epoch) * options_.learning_rate.at(epoch) > 1
                        ? fmt::format(" for weight-cost = {}", options_.weight_cost.at(epoch))
                        : ""));
  }

  /// The end of an epoch. False if training was stopped meanwhile.
  bool report() {
    const double seconds = epoch_seconds();
    EpochMetrics metrics{.layer = progress_.layer,
                         .epoch = progress_.epoch,
                         .step = progress_.steps,
                         .samples = progress_.epoch_rows,
                         .seconds = seconds,
                         .samples_per_second = static_cast<double>(progress_.epoch_rows) / seconds,
                         .reconstruction_mse = reconstruction_mse(),
                         .validation = std::nullopt,
                         .likelihood = std::nullopt};
    clock_.restart();
    if (validation_) {
      metrics.validation = validation_->measure(rbm_, *products_, progress_.epoch, world_);
      clock_.lap(TimePhase::validation);
      if (!metrics.validation) return false;
    }
    if (options_.evaluate_every > 0 && progress_.epoch % options_.evaluate_every == 0) {
      metrics.likelihood = measure_likelihood(rbm_, data_, options_, world_);
      clock_.lap(TimePhase::validation);
      if (!metrics.likelihood) return false;
    }
    if (events_.epoch) {
      events_.epoch(metrics);
      clock_.lap(TimePhase::output);
    }
    if (options_.early_stop != EarlyStop::off && judge_epoch(options_.early_stop, *metrics.validation, progress_)) {
      if (events_.best) events_.best(state());
      clock_.lap(TimePhase::checkpoint);
    }
    return true;
  }

  [[nodiscard]] double reconstruction_mse() const {
    return progress_.epoch_squared_error * squared_error_unit /
           (static_cast<double>(progress_.epoch_rows) * static_cast<double>(sizes_.shape.visible));
  }

  const TrainingOptions& options_;
  const TrainingData& data_;
  const Communicator& world_;
  const TrainingEvents& events_;
  RankLayout layout_;
  EstimatorSizes sizes_;
  std::size_t threads_;
  NodeMemory memory_;
  RbmView<Real> rbm_;
  std::span<StepTotals> totals_;  // of each rank of the node
  StepTotals step_totals_;        // of all ranks, in the last step
  std::optional<WeightProducts> products_;
  std::unique_ptr<GradientEstimator> estimator_;
  std::unique_ptr<Optimizer> optimizer_;
  std::vector<OptimizerMemory> optimizer_memory_;
  Shard rows_;    // of the weights, that this rank updates
  Shard biases_;  // the same
  std::size_t panel_size_ = 0;
  AlignedBuffer<Real> panels_;        // the gradient of one panel of rows, for each thread
  AlignedBuffer<Real> bias_sums_;     // the gradient of the biases
  std::optional<GradientSums> sums_;  // where more is to be added to it: by other nodes, or parts of the batch
  std::size_t pieces_ = 1;            // of the sums, that are exchanged one after the other
  std::optional<SumsUnderWay> under_way_;
  std::optional<Validation> validation_;
  PhaseClock clock_;
  TrainingProgress progress_;
  Clock::time_point epoch_begin_;
};

}  // namespace

TrainingResult train_rbm(const TrainingOptions& options, const TrainingData& data, const Communicator& world,
                         const TrainingEvents& events, std::optional<SavedState> start) {
  world.agree([&] {
    check_options(options);
    if (data.training.rows == 0) throw Error(Failure::file, "there are no rows to train on");
    if (data.training.columns == 0 || data.training.columns > largest_layer) {
      throw Error(Failure::file, fmt::format("the data have {} columns; 1 to {} can be trained on",
                                             data.training.columns, largest_layer));
    }
    if (data.validation.rows > 0 && data.validation.columns != data.training.columns) {
      throw Error(Failure::file, fmt::format("the validation data have {} columns, the training data {}",
                                             data.validation.columns, data.training.columns));
    }
    if (options.early_stop != EarlyStop::off && data.validation.rows == 0) {
      throw Error(Failure::usage, "early-stop wants rows to validate on");
    }
  });
  std::int64_t resumes = start ? 1 : 0;
  world.broadcast(std::as_writable_bytes(std::span(&resumes, 1)));
  if (world.maximum(threads_in_use()) != -world.maximum(-std::int64_t{threads_in_use()})) {
    throw AgreedError(Failure::usage,
                      "all ranks must use equally many threads: they share out their work in equal parts");
  }
  TrainingOptions chosen = options;
  chosen.engine = engine_in_use(options);
  chosen.exchange = exchange_in_use(options, data.training.rows, data.training.columns, world);
  Trainer trainer(chosen, data, world, events);
  world.agree([&] { trainer.prepare(); });
  if (resumes != 0) {
    trainer.resume(start);
  } else if (options.visible_bias_init == VisibleBiasInit::data) {
    trainer.begin(unit_means(data.training, world));
  } else {
    trainer.begin({});
  }
  start.reset();
  return trainer.run();
}

namespace {

[[noreturn]] void refuse(const std::string& key, const std::string& value, const std::string& right) {
  throw Error(Failure::usage, fmt::format("{} = {}: {}", key, value, right));
}

/// Each value of a schedule in [0, limit), or (0, limit) if it must not be zero.
void check_schedule(const std::string& key, const Schedule& schedule, bool zero_allowed, double limit) {
  for (const Schedule::Step& step : schedule.steps()) {
    const auto used = static_cast<Real>(step.value);  // training is in single precision
    const bool low = zero_allowed ? step.value < 0 : used <= 0;
    if (!low && step.value < limit && std::isfinite(used)) continue;
    refuse(key, schedule.text(),
           fmt::format("must be {}{}", zero_allowed ? "0 or more" : "more than 0",
                       std::isfinite(limit) ? fmt::format(" and less than {}", limit)
                                            : std::string(", and a number that single precision can hold")));
  }
}

}  // namespace

Exchange exchange_in_use(const TrainingOptions& options, std::uint64_t rows, std::uint64_t visible,
                         const Communicator& world) {
  if (options.exchange != Exchange::automatic) return options.exchange;
  const Communicator node = world.split_by_node(options.ranks_per_node);
  if (world.maximum(node.size()) != -world.maximum(-std::int64_t{node.size()})) return Exchange::allreduce;
  const EstimatorSizes sizes = estimator_sizes(options, rows, visible, world.size() / node.size(), node.size());
  return NodeMemory::fits(world, node, shared_memory(options, sizes)) ? Exchange::shared : Exchange::allreduce;
}

Engine engine_in_use(const TrainingOptions& options) {
  if (options.engine != Engine::automatic) return options.engine;
  return options.sample_data && options.arithmetic == Arithmetic::exact ? Engine::active : Engine::blas;
}

void check_options(const TrainingOptions& options) {
  constexpr double unlimited = std::numeric_limits<double>::infinity();
  constexpr std::uint64_t largest_batch = std::uint64_t{1} << 31;
  if (options.hidden == 0 || options.hidden > largest_layer) {
    refuse("hidden", fmt::format("{}", options.hidden), fmt::format("must be from 1 to {}", largest_layer));
  }
  if (options.epochs == 0) refuse("epochs", "0", "must be at least 1");
  if (options.batch_size == 0 || options.batch_size > largest_batch) {
    refuse("batch-size", fmt::format("{}", options.batch_size), fmt::format("must be from 1 to {}", largest_batch));
  }
  check_schedule("learning-rate", options.learning_rate, false, unlimited);
  check_schedule("momentum", options.momentum, true, 1);
  check_schedule("weight-cost", options.weight_cost, true, unlimited);
  if (!(options.weight_init >= 0) || !std::isfinite(options.weight_init)) {
    refuse("weight-init", fmt::format("{}", options.weight_init), "must be 0 or more");
  }
  if (options.patience == 0) refuse("patience", "0", "must be at least 1");
  if (options.engine == Engine::active && options.arithmetic != Arithmetic::exact) {
    refuse("engine", "active", "wants arithmetic = exact: its sums have another order");
  }
  if (options.engine == Engine::active && !options.sample_data) {
    refuse("engine", "active", "wants sample-data = on: it adds up the units that are on");
  }
  (void)gradient_estimator(options.estimator);
  (void)optimizer(options.optimizer);
}

std::uint64_t training_memory(const TrainingOptions& options, std::uint64_t visible, bool validation, int ranks,
                              int ranks_on_node) {
  if (options.exchange == Exchange::allreduce) ranks_on_node = 1;
  const int nodes = ranks / ranks_on_node;
  const EstimatorSizes sizes = estimator_sizes(options, options.batch_size, visible, nodes, ranks_on_node);
  const auto on_node = static_cast<std::uint64_t>(ranks_on_node);
  const std::uint64_t longest_share = largest_share(options, options.batch_size, nodes);
  const std::uint64_t sums = keeps_sums(options, sizes, longest_share, nodes)
                                 ? GradientSums::memory(sizes.shape.parameters() / on_node, wide_sums(options))
                                 : 0;
  const auto threads = static_cast<std::uint64_t>(threads_in_use());
  const std::uint64_t panel_rows =
      std::min((visible / on_node / threads / rows_together + 1) * rows_together, largest_panel);
  const std::uint64_t panels =
      needs_panels(options, sizes, longest_share, nodes) ? threads * panel_rows * options.hidden * sizeof(Real) : 0;
  const std::uint64_t in_steps = sums + panels + gradient_estimator(options.estimator).memory(sizes) +
                                 (validation ? Validation::memory(sizes.shape) : 0) +
                                 (options.evaluate_every > 0 ? likelihood_memory(sizes.shape, options, ranks) : 0);
  // The result, of the root alone.
  const std::uint64_t at_the_end = (sizes.shape.parameters() * sizeof(Real) + on_node - 1) / on_node;
  return (shared_memory(options, sizes) + on_node - 1) / on_node + std::max(in_steps, at_the_end) +
         WeightProducts::memory(options.arithmetic, sizes.shape, probability_rows(options, validation, sizes));
}

}  // namespace rbmpi
