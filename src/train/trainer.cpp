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
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/row_order.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "rbmpi/train/optimizer.hpp"

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
Rbm initial_rbm(const TrainingOptions& options, const Samples& samples, const std::vector<double>& means) {
  Rbm rbm(RbmShape{samples.columns, options.hidden});
  initialise_weights(rbm, options.weight_init, options.seed, first_layer);
  if (!means.empty()) set_visible_bias_to_log_odds(rbm, means, samples.rows);
  return rbm;
}

/// One training run of one layer on one rank. The path of the data is `step`, top to bottom.
class Trainer {
 public:
  /// Local. `means` of the visible units if their biases begin from the data, else empty.
  Trainer(const TrainingOptions& options, const TrainingData& data, const std::vector<double>& means,
          const Communicator& world, const TrainingEvents& events)
      : options_(options),
        data_(data),
        world_(world),
        events_(events),
        rbm_(initial_rbm(options, data.training, means)),
        products_(options.arithmetic, rbm_.shape(),
                  probability_rows(options, data.validation.rows > 0,
                                   largest_share(options, data.training.rows, world.size()))),
        estimator_(gradient_estimator(options.estimator)
                       .make(estimator_settings(options, rbm_.shape(), data.training.rows, world.size()))),
        optimizer_(optimizer(options.optimizer).make(rbm_.shape(), options)),
        sums_(rbm_.shape().parameters(), wide_sums(options)) {
    if (data.validation.rows > 0) {
      validation_.emplace(data.training, data.validation, rbm_.shape(), first_layer, options);
    }
  }

  /// Collective.
  TrainingResult run() {
    use_first_parameters();
    for (std::uint64_t epoch = 1; epoch <= options_.epochs; ++epoch) run_epoch(epoch);
    return {std::move(rbm_), clock_.split()};
  }

 private:
  void run_epoch(std::uint64_t epoch) {
    const auto begin = std::chrono::steady_clock::now();
    const std::uint64_t rows = data_.training.rows;
    const RowOrder order(rows, options_.shuffle, options_.seed, first_layer, epoch);
    epoch_samples_ = 0;
    epoch_squared_error_ = 0;
    clock_.restart();
    for (std::uint64_t first = 0; first < rows; first += options_.batch_size) {
      step(epoch, order, first, std::min(options_.batch_size, rows - first));
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    report(epoch, seconds);
  }

  /// One mini-batch: the rows [first, first + batch_rows) of the epoch's order.
  void step(std::uint64_t epoch, const RowOrder& order, std::uint64_t first, std::uint64_t batch_rows) {
    const Shard mine = shard(batch_rows, world_.rank(), world_.size());
    const MiniBatch batch{.samples = &data_.training,
                          .order = &order,
                          .first = first + mine.first,
                          .count = mine.count,
                          .position = mine.first,
                          .step = steps_};
    sums_.clear();
    if (stop_requested()) sums_.request_stop();
    clock_.lap(TimePhase::update);
    estimator_->add_gradient(rbm_, products_, batch, sums_, clock_);

    sums_.exchange(world_);
    clock_.lap(TimePhase::exchange);
    if (sums_.stop_requested()) {
      throw AgreedError(
          Failure::interrupted,
          fmt::format("stopped by a signal in epoch {}, after step {}; no model was written", epoch, steps_));
    }

    optimizer_->update(rbm_, sums_, epoch);
    ++steps_;
    use_parameters(epoch);
    clock_.lap(TimePhase::update);

    epoch_samples_ += sums_.samples();
    epoch_squared_error_ += static_cast<double>(sums_.squared_error());
    if (events_.step) {
      events_.step({.epoch = epoch,
                    .epochs = options_.epochs,
                    .samples = epoch_samples_,
                    .epoch_samples = data_.training.rows,
                    .reconstruction_mse = reconstruction_mse()});
      clock_.lap(TimePhase::output);
    }
  }

  void use_first_parameters() {
    if (products_.assign(rbm_)) return;
    throw AgreedError(Failure::usage, fmt::format("weight-init = {}: the initial weights are too large to be summed "
                                                  "exactly; 0.01 is usual",
                                                  options_.weight_init));
  }

  /// The products follow the parameters. All ranks have the same parameters and so come to the same end.
  void use_parameters(std::uint64_t epoch) {
    if (products_.assign(rbm_)) return;
    throw AgreedError(
        Failure::diverged,
        fmt::format("the parameters are no longer finite, or far too large, in epoch {} after step {}: most likely "
                    "learning-rate = {} is too high{}; try a tenth of it",
                    epoch, steps_, options_.learning_rate.at(epoch),
                    options_.weight_cost.at(epoch) * options_.learning_rate.at(epoch) > 1
                        ? fmt::format(" for weight-cost = {}", options_.weight_cost.at(epoch))
                        : ""));
  }

  void report(std::uint64_t epoch, double seconds) {
    EpochMetrics metrics{.layer = first_layer,
                         .epoch = epoch,
                         .step = steps_,
                         .samples = epoch_samples_,
                         .seconds = seconds,
                         .samples_per_second = static_cast<double>(epoch_samples_) / seconds,
                         .reconstruction_mse = reconstruction_mse(),
                         .validation = std::nullopt};
    clock_.restart();
    if (validation_) {
      metrics.validation = validation_->measure(rbm_, products_, epoch, world_);
      clock_.lap(TimePhase::validation);
    }
    if (events_.epoch) {
      events_.epoch(metrics);
      clock_.lap(TimePhase::output);
    }
  }

  [[nodiscard]] double reconstruction_mse() const {
    return epoch_squared_error_ * squared_error_unit /
           (static_cast<double>(epoch_samples_) * static_cast<double>(rbm_.shape().visible));
  }

  const TrainingOptions& options_;
  const TrainingData& data_;
  const Communicator& world_;
  const TrainingEvents& events_;
  Rbm rbm_;
  WeightProducts products_;
  std::unique_ptr<GradientEstimator> estimator_;
  std::unique_ptr<Optimizer> optimizer_;
  GradientSums sums_;
  std::optional<Validation> validation_;
  PhaseClock clock_;
  std::uint64_t steps_ = 0;
  std::uint64_t epoch_samples_ = 0;
  double epoch_squared_error_ = 0;  // of integers; beyond 2^53 the same rounding on all ranks
};

/// Collective. Throws on all ranks unless they all hold the same parameters: they never send them, so a rank with
/// broken memory, or another build of the program, would go its own way.
void check_replicas(const Rbm& rbm, const Communicator& world) {
  const std::string digest = model_digest(std::span(&rbm, 1));
  const std::string digest_of_root = world.broadcast(digest);
  world.agree([&] {
    if (digest == digest_of_root) return;
    throw Error(Failure::other, fmt::format("rank {} has other parameters than rank 0 (digest {} instead of {}): its "
                                            "hardware is faulty, or it runs another build of this program",
                                            world.rank(), digest, digest_of_root));
  });
}

}  // namespace

TrainingResult train_rbm(const TrainingOptions& options, const TrainingData& data, const Communicator& world,
                         const TrainingEvents& events) {
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
  std::vector<double> means;
  if (options.visible_bias_init == VisibleBiasInit::data) means = unit_means(data.training, world);
  std::optional<Trainer> trainer;
  world.agree([&] { trainer.emplace(options, data, means, world, events); });
  TrainingResult result = trainer->run();
  check_replicas(result.rbm, world);
  return result;
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
