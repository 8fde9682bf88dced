#include "rbmpi/train/trainer.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/row_order.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "rbmpi/train/replicas.hpp"

namespace rbmpi {
namespace {

constexpr std::uint32_t first_layer = 0;

bool wide_sums(const TrainingOptions& options) {
  return options.arithmetic == Arithmetic::exact && options.batch_size > largest_single_precision_batch;
}

/// The most rows of a mini-batch that a rank can have, of `rows` rows in all.
std::size_t largest_share(const TrainingOptions& options, std::uint64_t rows, int ranks) {
  return shard(std::min(options.batch_size, rows), 0, ranks).count;
}

EstimatorSettings estimator_settings(const TrainingOptions& options, RbmShape shape, std::uint64_t rows, int ranks) {
  return {.shape = shape, .local_rows = largest_share(options, rows, ranks), .layer = first_layer, .options = &options};
}

/// The most rows that go upward as probabilities instead of states, on one rank.
std::size_t probability_rows(const TrainingOptions& options, bool validation, std::size_t local_rows) {
  const std::size_t training = options.sample_data ? 0 : std::min(local_rows, rows_at_once);
  return std::max(training, validation ? validation_rows_at_once : 0);
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

/// Random weights; the visible bias from the means of the units, or zero if there are none.
Rbm random_rbm(const TrainingOptions& options, const Samples& samples, const std::vector<double>& means) {
  Rbm rbm(RbmShape{samples.columns, options.hidden});
  initialise_weights(rbm, options.weight_init, options.seed, first_layer);
  if (!means.empty()) set_visible_bias_to_log_odds(rbm, means, samples.rows);
  return rbm;
}

/// One training run of one layer on one rank. The path of the data is `step`, top to bottom.
class Trainer {
 public:
  /// Local.
  Trainer(const TrainingOptions& options, const TrainingData& data, Rbm first, const Communicator& world,
          const TrainingEvents& events)
      : options_(options),
        data_(data),
        world_(world),
        events_(events),
        rbm_(std::move(first)),
        products_(options.arithmetic, rbm_.shape(),
                  probability_rows(options, data.validation.rows > 0,
                                   largest_share(options, data.training.rows, world.size()))),
        estimator_(gradient_estimator(options.estimator)
                       .make(estimator_settings(options, rbm_.shape(), data.training.rows, world.size()))),
        optimizer_(optimizer(options.optimizer).make(rbm_.shape(), options)),
        optimizer_memory_(optimizer_->memory()),
        sums_(rbm_.shape().parameters(), wide_sums(options)) {
    if (data.validation.rows > 0) {
      validation_.emplace(data.training, data.validation, rbm_.shape(), first_layer, options);
    }
  }

  /// Collective. Every rank takes over the parameters, the optimizer's memory and the progress of the root's `start`.
  void resume(const std::optional<SavedState>& start) {
    world_.agree_on_root([&] {
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
    });
    world_.broadcast(std::as_writable_bytes(rbm_.parameters()));
    for (const OptimizerMemory& memory : optimizer_memory_) world_.broadcast(std::as_writable_bytes(memory.values));
    world_.broadcast(std::as_writable_bytes(std::span(&progress_, 1)));
  }

  /// Collective.
  TrainingResult run() {
    use_first_parameters();
    bool finished = true;
    while (finished && progress_.epoch <= options_.epochs) finished = run_epoch();
    if (finished) keep_checkpoint(false);
    return {.rbm = std::move(rbm_), .time_split = clock_.split(), .progress = progress_, .finished = finished};
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
      if (sums_.checkpoint_requested() || sums_.stop_requested()) keep_checkpoint(sums_.stop_requested());
      if (sums_.stop_requested()) return false;
    }
    check_replicas(state(), world_);
    clock_.lap(TimePhase::checkpoint);
    if (!report()) {
      keep_checkpoint(true);
      return false;
    }
    progress_ = {.layer = progress_.layer, .epoch = progress_.epoch + 1, .steps = progress_.steps};
    return true;
  }

  /// One mini-batch: the next `batch_rows` rows of the epoch's order.
  void step(const RowOrder& order, std::uint64_t batch_rows) {
    const Shard mine = shard(batch_rows, world_.rank(), world_.size());
    const MiniBatch batch{.samples = &data_.training,
                          .order = &order,
                          .first = progress_.epoch_rows + mine.first,
                          .count = mine.count,
                          .position = mine.first,
                          .step = progress_.steps};
    sums_.clear();
    const StepWishes wishes = events_.wishes ? events_.wishes(progress_) : StepWishes{};
    if (wishes.checkpoint) sums_.request_checkpoint();
    clock_.lap(TimePhase::update);
    now_doing("computing the gradient");
    estimator_->add_gradient(rbm_, products_, batch, sums_, clock_);

    // Asked at the last moment: whoever sent the signal may not wait for another step.
    if (wishes.stop || stop_requested()) sums_.request_stop();
    now_doing("exchanging gradients");
    sums_.exchange(world_);
    clock_.lap(TimePhase::exchange);

    now_doing("updating the parameters");
    optimizer_->update(rbm_, sums_, progress_.epoch);
    ++progress_.steps;
    use_parameters();
    clock_.lap(TimePhase::update);

    progress_.epoch_rows += sums_.samples();
    progress_.epoch_squared_error += static_cast<double>(sums_.squared_error());
    if (events_.state) events_.state(state());
    clock_.lap(TimePhase::checkpoint);
    if (events_.step) {
      events_.step({.epoch = progress_.epoch,
                    .epochs = options_.epochs,
                    .samples = progress_.epoch_rows,
                    .epoch_samples = data_.training.rows,
                    .reconstruction_mse = reconstruction_mse()});
      clock_.lap(TimePhase::output);
    }
  }

  [[nodiscard]] TrainingState state() const { return {rbm_, optimizer_memory_, progress_}; }

  void keep_checkpoint(bool stopped) {
    progress_.epoch_seconds = progress_.epoch_rows > 0 ? epoch_seconds() : 0;
    clock_.restart();
    check_replicas(state(), world_);
    now_doing("keeping a checkpoint");
    if (events_.checkpoint) events_.checkpoint(state(), stopped);
    clock_.lap(TimePhase::checkpoint);
  }

  [[nodiscard]] double epoch_seconds() const {
    return std::chrono::duration<double>(Clock::now() - epoch_begin_).count();
  }

  void use_first_parameters() {
    if (products_.assign(rbm_)) return;
    throw AgreedError(Failure::usage, fmt::format("weight-init = {}: the initial weights are too large to be summed "
                                                  "exactly; 0.01 is usual",
                                                  options_.weight_init));
  }

  /// The products follow the parameters. All ranks have the same parameters and so come to the same end.
  void use_parameters() {
    if (products_.assign(rbm_)) return;
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
                         .validation = std::nullopt};
    clock_.restart();
    if (validation_) {
      metrics.validation = validation_->measure(rbm_, products_, progress_.epoch, world_);
      clock_.lap(TimePhase::validation);
      if (!metrics.validation) return false;
    }
    if (events_.epoch) {
      events_.epoch(metrics);
      clock_.lap(TimePhase::output);
    }
    return true;
  }

  [[nodiscard]] double reconstruction_mse() const {
    return progress_.epoch_squared_error * squared_error_unit /
           (static_cast<double>(progress_.epoch_rows) * static_cast<double>(rbm_.shape().visible));
  }

  const TrainingOptions& options_;
  const TrainingData& data_;
  const Communicator& world_;
  const TrainingEvents& events_;
  Rbm rbm_;
  WeightProducts products_;
  std::unique_ptr<GradientEstimator> estimator_;
  std::unique_ptr<Optimizer> optimizer_;
  std::vector<OptimizerMemory> optimizer_memory_;
  GradientSums sums_;
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
  });
  const RbmShape shape{data.training.columns, options.hidden};
  std::int64_t resumes = start ? 1 : 0;
  world.broadcast(std::as_writable_bytes(std::span(&resumes, 1)));
  std::vector<double> means;
  if (resumes == 0 && options.visible_bias_init == VisibleBiasInit::data) means = unit_means(data.training, world);
  std::optional<Trainer> trainer;
  world.agree([&] {
    Rbm first;
    if (start && world.is_root()) {
      if (start->rbm.shape() != shape) {
        throw Error(Failure::file,
                    fmt::format("the start has {} x {} units instead of {} x {}", start->rbm.shape().visible,
                                start->rbm.shape().hidden, shape.visible, shape.hidden));
      }
      first = std::move(start->rbm);
    } else {
      first = resumes == 0 ? random_rbm(options, data.training, means) : Rbm(shape);
    }
    trainer.emplace(options, data, std::move(first), world, events);
  });
  if (resumes != 0) trainer->resume(start);
  start.reset();
  return trainer->run();
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
  (void)gradient_estimator(options.estimator);
  (void)optimizer(options.optimizer);
}

std::uint64_t training_memory(const TrainingOptions& options, std::uint64_t visible, bool validation, int ranks) {
  const RbmShape shape{visible, options.hidden};
  const EstimatorSettings settings = estimator_settings(options, shape, options.batch_size, ranks);
  const std::uint64_t sums =
      (shape.parameters() + 32) * (wide_sums(options) ? sizeof(double) + sizeof(Real) : sizeof(Real));
  return shape.parameters() * sizeof(Real) + sums + gradient_estimator(options.estimator).memory(settings) +
         optimizer(options.optimizer).memory(shape) +
         WeightProducts::memory(options.arithmetic, shape, probability_rows(options, validation, settings.local_rows)) +
         (validation ? Validation::memory(shape) : 0);
}

}  // namespace rbmpi
