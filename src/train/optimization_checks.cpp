#include "train/optimization_checks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/optimize.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "rbmpi/train/run_end.hpp"
#include "rbmpi/train/steps_of_epoch.hpp"
#include "train/refuse_option.hpp"

namespace rbmpi {
namespace {

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

void check_progress(const TrainingProgress& progress, const OptimizationOptions& options, std::uint64_t rows) {
  if (progress.layer != options.layer) {
    throw Error(Failure::file, fmt::format("the start is in layer {} instead of {}", progress.layer, options.layer));
  }
  if (progress.steps < options.first_step) {
    throw Error(Failure::file, fmt::format("the start is at step {}, but layer {} begins after step {}", progress.steps,
                                           options.layer, options.first_step));
  }
  const RunGoal goal = goal_of(options);
  if (goal.last_step > 0 && is_beyond(goal, progress)) {
    throw Error(Failure::file, fmt::format("the start has done {} of layer {}, but there are {}",
                                           plural(progress.steps - options.first_step, "step"), options.layer,
                                           plural(options.updates, "update")));
  }
  if (progress.epoch == 0 || is_beyond(goal, progress) || progress.epoch_rows > rows) {
    throw Error(Failure::file,
                fmt::format("the start is in epoch {} after {} rows of it, but there are {} epochs of "
                            "{} rows",
                            progress.epoch, progress.epoch_rows, epochs_of_training(options, rows), rows));
  }
}

}  // namespace

void check_options(const OptimizationOptions& options) {
  constexpr double unlimited = std::numeric_limits<double>::infinity();
  constexpr std::uint64_t largest_batch = std::uint64_t{1} << 31;
  if (options.epochs == 0 && options.updates == 0) refuse_option("epochs", "0", "must be at least 1");
  if (options.batch_size == 0 || options.batch_size > largest_batch) {
    refuse_option("batch-size", fmt::format("{}", options.batch_size),
                  fmt::format("must be from 1 to {}", largest_batch));
  }
  check_schedule("learning-rate", options.learning_rate, false, unlimited);
  check_schedule("momentum", options.momentum, true, 1);
  check_schedule("weight-cost", options.weight_cost, true, unlimited);
  check_schedule("field-cost", options.field_cost, true, unlimited);
  check_schedule("l1", options.l1, true, unlimited);
  check_schedule("clip-gradient", options.clip_gradient, true, unlimited);
  if (!(options.rate_decay > 0 && options.rate_decay <= 1)) {
    refuse_option("rate-decay", fmt::format("{}", options.rate_decay), "must be more than 0 and at most 1");
  }
  if (options.patience == 0) refuse_option("patience", "0", "must be at least 1");
  (void)optimizer(options.optimizer);
}

void check_penalties(const ParameterLayout& layout, const OptimizationOptions& options) {
  const auto asked = [](const Schedule& schedule) {
    return std::ranges::any_of(schedule.steps(), [](const Schedule::Step& step) { return step.value != 0; });
  };
  if (asked(options.field_cost) && std::ranges::none_of(layout, &ParameterArray::field_cost)) {
    refuse_option("field-cost", options.field_cost.text(),
                  fmt::format("what is trained has no visible biases: {}", to_text(layout)));
  }
  if (asked(options.l1) && std::ranges::none_of(layout, &ParameterArray::weight_cost)) {
    refuse_option("l1", options.l1.text(), fmt::format("what is trained has no weights: {}", to_text(layout)));
  }
}

void check_layout(const ParameterLayout& layout) {
  constexpr std::size_t most = std::size_t{1} << 45U;  // parameters: more than any machine has room for
  std::size_t all = 0;
  std::set<std::string> paths;
  const auto is_group = [&](const std::string& path) {
    return std::ranges::any_of(layout, [&](const ParameterArray& other) { return other.path.starts_with(path + "/"); });
  };
  for (std::size_t i = 0; i < layout.count(); ++i) {
    const ParameterArray& array = layout[i];
    if (array.path.empty() || !paths.insert(array.path).second || is_group(array.path)) {
      throw Error(Failure::usage, fmt::format("array {} of the parameters has the path '{}': each must have one of its "
                                              "own, such as 'weights', that is no group of another",
                                              i, array.path));
    }
    if (array.rows > 0 && array.columns > 0 && array.group > 0 &&
        array.rows <= most / array.columns - all / array.columns) {
      all += array.size();
      continue;
    }
    throw Error(Failure::usage, fmt::format("'{}' has {} rows x {} columns of parameters in groups of {}: each must be "
                                            "at least 1, and all parameters at most {}",
                                            array.path, array.rows, array.columns, array.group, most));
  }
  if (all == 0) throw Error(Failure::usage, "there are no parameters to optimise");
}

void check_same(const std::string& what, const std::string& text, const Communicator& world) {
  const std::string of_root = world.broadcast(text);
  world.agree([&] {
    if (text == of_root) return;
    throw Error(Failure::usage, fmt::format("{} of rank {} is not that of rank 0: {} instead of {}", what, world.rank(),
                                            text, of_root));
  });
}

void check_start(const SavedState& start, const ParameterLayout& layout, std::span<const OptimizerMemory> optimizer,
                 const OptimizationOptions& options, std::uint64_t rows) {
  if (start.parameters.size() != layout.size()) {
    throw Error(Failure::file,
                fmt::format("the start has {} parameters instead of {}", start.parameters.size(), layout.size()));
  }
  if (!start.layout.same_shapes(layout)) {
    throw Error(Failure::file,
                fmt::format("the start has parameters of another shape: {} instead of {}",
                            start.layout.count() == 0 ? "none is told" : to_text(start.layout), to_text(layout)));
  }
  if (start.optimizer.size() != optimizer.size()) {
    throw Error(Failure::file, fmt::format("the start has no memory of the optimizer '{}'", options.optimizer));
  }
  for (std::size_t i = 0; i < optimizer.size(); ++i) {
    const auto& [name, values, rows_of_own, columns] = start.optimizer[i];
    const OptimizerMemory& wanted = optimizer[i];
    if (name == wanted.name && values.size() == wanted.values.size() && rows_of_own == wanted.rows &&
        columns == wanted.columns) {
      continue;
    }
    throw Error(Failure::file, fmt::format("the start has no '{}' of the right size for the optimizer '{}'",
                                           optimizer[i].name, options.optimizer));
  }
  check_progress(start.progress, options, rows);
}

void refuse_diverged(const OptimizationOptions& options, const TrainingProgress& progress) {
  const std::uint64_t epoch = progress.epoch;
  const double learning_rate = learning_rate_at(options.learning_rate, options.rate_decay, epoch);
  const double weight_cost = options.weight_cost.at(epoch);
  throw AgreedError(
      Failure::diverged,
      fmt::format("the parameters are no longer finite, or far too large, in epoch {} after step {}: most likely "
                  "learning-rate = {:.6g} is too high{}; try {:.6g}",
                  epoch, progress.steps, learning_rate,
                  weight_cost * learning_rate > 1 ? fmt::format(" for weight-cost = {}", weight_cost) : "",
                  gentler_learning_rate(optimizer(options.optimizer), learning_rate, weight_cost)));
}

}  // namespace rbmpi
