#include "rbmpi/train/net_trainer.hpp"

#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/evaluate/net_scores.hpp"
#include "rbmpi/parallel/from_root.hpp"
#include "rbmpi/train/back_propagation.hpp"
#include "train/refuse_option.hpp"

namespace rbmpi {
namespace {

/// Without patience where nothing stops early.
NetTrainingOptions chosen_options(const NetTrainingOptions& options) {
  NetTrainingOptions chosen = options;
  if (!chosen.early_stop) chosen.patience = std::numeric_limits<std::uint64_t>::max();
  return chosen;
}

void check_share(const std::string& key, double share) {
  if (share >= 0 && share < 1) return;
  refuse_option(key, fmt::format("{}", share), "must be 0 or more and less than 1");
}

/// A net that can be trained, and classes for its outputs.
void check_net(const NetShape& shape, std::span<const std::int32_t> classes) {
  check_shape(shape);
  if (shape.is_classifier()) {
    if (classes.size() == shape.outputs()) return;
    throw Error(Failure::usage,
                fmt::format("a net with {} cannot tell {} from each other", plural(shape.outputs(), "output"),
                            classes.size() == 1 ? "1 class" : fmt::format("{} classes", classes.size())));
  }
  if (shape.activations.back() == Activation::sigmoid && shape.outputs() == shape.inputs()) return;
  throw Error(Failure::usage,
              fmt::format("a net of {} units is neither a classifier, with a softmax at its outputs, nor "
                          "an autoencoder, with as many sigmoids there as it has inputs",
                          to_text(shape)));
}

void check_data(const Rows& samples, const NetShape& shape, std::span<const std::int32_t> classes,
                const std::string& what) {
  if (samples.rows == 0) return;
  if (samples.columns != shape.inputs()) {
    throw Error(Failure::file, fmt::format("the {} have {}, but the net has {}", what,
                                           plural(samples.columns, "column"), plural(shape.inputs(), "input")));
  }
  if (shape.is_classifier()) check_labels(samples, classes, what);
}

/// Data of which only the numbers of rows are known.
TrainingData data_of(std::uint64_t rows, bool validation) {
  return {.training = Samples{.rows = rows}, .validation = Samples{.rows = validation ? 1U : 0U}};
}

}  // namespace

NetTrainingResult train_net(const NetTrainingOptions& options, FeedForwardNet net,
                            std::span<const std::int32_t> classes, const TrainingData& data, const Communicator& world,
                            const TrainingEvents& events, std::optional<SavedState> start) {
  const NetShape shape{.units = from_root(net.shape().units, world),
                       .activations = from_root(net.shape().activations, world)};
  const std::vector<std::int32_t> labels = from_root(std::vector(classes.begin(), classes.end()), world);
  world.agree([&] {
    check_options(options);
    check_net(shape, labels);
    check_data(data.training, shape, labels, "data");
    check_data(data.validation, shape, labels, "validation data");
    if (options.early_stop && data.validation.rows == 0) {
      throw Error(Failure::usage, "early-stop wants rows to validate on");
    }
  });
  const NetTrainingOptions chosen = chosen_options(options);
  const BackPropagation function(chosen, shape, net.parameters(), labels, data, world);
  OptimizationResult optimum = optimize(function, data.training, chosen, world, events, std::move(start));
  NetTrainingResult result;
  static_cast<OptimizationOutcome&>(result) = static_cast<const OptimizationOutcome&>(optimum);
  if (world.is_root()) result.net = FeedForwardNet(shape, std::move(optimum.parameters));
  return result;
}

Exchange exchange_in_use(const NetTrainingOptions& options, const NetShape& shape, std::uint64_t rows,
                         const Communicator& world) {
  const TrainingData data = data_of(rows, false);
  return exchange_in_use(BackPropagation(options, shape, {}, {}, data, world), options, rows, world);
}

std::size_t exchange_pieces(const NetTrainingOptions& options, const NetShape& shape, std::uint64_t rows, int nodes,
                            int ranks_on_node) {
  const Communicator alone;
  const TrainingData data = data_of(rows, false);
  return exchange_pieces(BackPropagation(options, shape, {}, {}, data, alone), options, rows, nodes, ranks_on_node);
}

void check_options(const NetTrainingOptions& options) {
  check_options(static_cast<const OptimizationOptions&>(options));
  check_share("input-dropout", options.input_dropout);
  check_share("hidden-dropout", options.hidden_dropout);
}

std::uint64_t net_training_memory(const NetTrainingOptions& options, const NetShape& shape, std::uint64_t rows,
                                  bool validation, int ranks, int ranks_on_node) {
  const Communicator alone;
  const TrainingData data = data_of(rows, validation);
  return optimization_memory(BackPropagation(options, shape, {}, {}, data, alone), options, rows, ranks, ranks_on_node);
}

}  // namespace rbmpi
