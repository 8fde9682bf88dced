#include "rbmpi/train/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/evaluate/annealed_importance_sampling.hpp"
#include "rbmpi/evaluate/temperatures.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "rbmpi/train/row_weighting.hpp"
#include "train/kept_chains.hpp"
#include "train/rbm_gradient.hpp"
#include "train/refuse_option.hpp"

namespace rbmpi {
namespace {

/// With what `automatic` stands for, and no patience where nothing stops early.
TrainingOptions chosen_options(const TrainingOptions& options) {
  TrainingOptions chosen = options;
  chosen.engine = engine_in_use(options);
  if (chosen.early_stop == EarlyStop::off) chosen.patience = std::numeric_limits<std::uint64_t>::max();
  return chosen;
}

void check_estimator(const TrainingOptions& options) {
  const bool persistent = persistent_chains(options) > 0;
  const auto number = [](std::uint64_t value) { return fmt::format("{}", value); };
  if (options.sweeps < 1 || options.sweeps > most_sweeps) {
    refuse_option("sweeps", number(options.sweeps), fmt::format("must be from 1 to {}", most_sweeps));
  }
  if (options.chains > most_chains) {
    refuse_option("chains", number(options.chains), fmt::format("must be from 1 to {}", most_chains));
  }
  if (!persistent && options.chains > 0) {
    refuse_option("chains", number(options.chains),
                  "is of estimator = pcd: with cd, chains begin at the rows of each batch");
  }
  if (!persistent && options.chains_from != ChainsFrom::fields) {
    refuse_option("chains-from", options.chains_from == ChainsFrom::data ? "data" : "noise",
                  "is of estimator = pcd: with cd, chains begin at the rows of each batch");
  }
  if (persistent && options.reconstruction == UnitValues::means) {
    refuse_option("reconstruction", "means", "is of estimator = cd: chains that go on need states");
  }
  if (options.engine == Engine::active && options.reconstruction == UnitValues::means) {
    refuse_option("engine", "active", "wants reconstruction = states: it adds up the units that are on");
  }
}

/// Data of which only the numbers of rows and columns are known.
TrainingData data_of(std::uint64_t rows, std::uint64_t visible, bool validation) {
  return {.training = Samples{.rows = rows, .columns = visible},
          .validation = Samples{.rows = validation ? 1U : 0U, .columns = visible}};
}

}  // namespace

TrainingResult train_rbm(const TrainingOptions& options, const TrainingData& data, const Communicator& world,
                         const TrainingEvents& events, std::optional<SavedState> start) {
  world.agree([&] {
    check_options(options);
    if (data.training.rows == 0) throw Error(Failure::file, "there are no rows to train on");
    if (data.training.weights != nullptr && !gradient_estimator(options.estimator).reads_weights) {
      throw Error(Failure::usage, fmt::format("estimator = {}: it does not read the weights that rows of the data have",
                                              options.estimator));
    }
    check_row_weighting(row_weights(data.training), options, shape_of(options, data.training.columns));
    (void)row_weights(data.validation);  // throws if no row of them counts
    if (data.training.columns == 0 || data.training.columns > largest_layer) {
      throw Error(Failure::file, fmt::format("the data have {}; 1 to {} can be trained on",
                                             plural(data.training.columns, "column"), largest_layer));
    }
    if (data.validation.rows > 0 && data.validation.columns != data.training.columns) {
      throw Error(Failure::file, fmt::format("the validation data have {}, the training data {}",
                                             plural(data.validation.columns, "column"), data.training.columns));
    }
    if (options.early_stop != EarlyStop::off && data.validation.rows == 0) {
      throw Error(Failure::usage, "early-stop wants rows to validate on");
    }
  });
  const TrainingOptions chosen = chosen_options(options);
  RbmGradient function(chosen, data, world);
  OptimizationResult optimum = optimize(function, data.training, chosen, world, events, std::move(start));
  TrainingResult result;
  static_cast<OptimizationOutcome&>(result) = static_cast<const OptimizationOutcome&>(optimum);
  world.agree_on_root([&] {
    const RbmShape shape = shape_of(options, data.training.columns);
    result.rbm = Rbm(shape, std::move(optimum.parameters));
    result.chains = kept_chains(optimum.arrays, shape);
  });
  return result;
}

Exchange exchange_in_use(const TrainingOptions& options, std::uint64_t rows, std::uint64_t visible,
                         const Communicator& world, const RowWeights& weights) {
  const TrainingOptions chosen = chosen_options(options);
  const TrainingData data = data_of(rows, visible, false);
  return exchange_in_use(RbmGradient(chosen, data, weights, world), chosen, rows, world);
}

std::size_t exchange_pieces(const TrainingOptions& options, std::uint64_t rows, std::uint64_t visible, int nodes,
                            int ranks_on_node, const RowWeights& weights) {
  const Communicator alone;
  const TrainingOptions chosen = chosen_options(options);
  const TrainingData data = data_of(rows, visible, false);
  return exchange_pieces(RbmGradient(chosen, data, weights, alone), chosen, rows, nodes, ranks_on_node);
}

RbmShape shape_of(const TrainingOptions& options, std::uint64_t visible) {
  return {visible, options.hidden, &unit(options.visible_unit), &unit(options.hidden_unit)};
}

VisibleBiasInit visible_bias_init_in_use(const TrainingOptions& options) {
  if (options.visible_bias_init != VisibleBiasInit::automatic) return options.visible_bias_init;
  return persistent_chains(options) > 0 ? VisibleBiasInit::data : VisibleBiasInit::zero;
}

Engine engine_in_use(const TrainingOptions& options) {
  if (options.engine != Engine::automatic) return options.engine;
  const bool bits =
      options.sample_data && options.reconstruction != UnitValues::means && is_logistic(shape_of(options, 0));
  return bits && options.arithmetic == Arithmetic::exact ? Engine::active : Engine::blas;
}

void check_options(const TrainingOptions& options) {
  check_options(static_cast<const OptimizationOptions&>(options));
  if (options.hidden == 0 || options.hidden > largest_layer) {
    refuse_option("hidden", fmt::format("{}", options.hidden), fmt::format("must be from 1 to {}", largest_layer));
  }
  if (!(options.weight_init >= 0) || !std::isfinite(options.weight_init)) {
    refuse_option("weight-init", fmt::format("{}", options.weight_init), "must be 0 or more");
  }
  if (options.engine == Engine::active && options.arithmetic != Arithmetic::exact) {
    refuse_option("engine", "active", "wants arithmetic = exact: its sums have another order");
  }
  if (options.engine == Engine::active && !options.sample_data) {
    refuse_option("engine", "active", "wants sample-data = on: it adds up the units that are on");
  }
  check_estimator(options);
  for (const auto& [key, name] :
       {std::pair{"visible-unit", options.visible_unit}, {"hidden-unit", options.hidden_unit}}) {
    if (find_unit(name) == nullptr) refuse_option(key, name, fmt::format("must be one of {}", unit_names()));
  }
  const RbmShape shape = shape_of(options, 0);
  if (options.engine == Engine::active) want_logistic(shape, "engine = active");
  if (options.evaluate_chains < 2 || options.evaluate_chains > most_annealing_chains) {
    refuse_option("evaluate-chains", fmt::format("{}", options.evaluate_chains),
                  fmt::format("must be from 2 to {}", most_annealing_chains));
  }
  try {
    (void)parse_temperatures(options.evaluate_temperatures);
  } catch (const Error& error) {
    refuse_option("evaluate-temperatures", options.evaluate_temperatures, error.what());
  }
}

std::uint64_t training_memory(const TrainingOptions& options, std::uint64_t visible, bool validation, int ranks,
                              int ranks_on_node, bool weighted) {
  const Communicator alone;
  const TrainingOptions chosen = chosen_options(options);
  const TrainingData data = data_of(options.batch_size, visible, validation);
  const auto with = [&](const RowWeights& weights) {
    return optimization_memory(RbmGradient(chosen, data, weights, alone), chosen, options.batch_size, ranks,
                               ranks_on_node);
  };
  if (!weighted) return with({});
  // How many rows are summed exactly at a time, which is what memory there is for, depends on the largest weight.
  std::uint64_t most = 0;
  for (int bits = 1; bits <= exact_bits; ++bits) {
    const double largest = std::ldexp(1, bits - 1);  // times the mean
    most = std::max(most, with({.rows = 1, .sum = 1, .squares = 1, .smallest = 0, .largest = largest}));
  }
  return most;
}

}  // namespace rbmpi
