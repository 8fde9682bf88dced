#include "rbmpi/train/net_trainer.hpp"

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/data/row_order.hpp"
#include "support/expect_error.hpp"
#include "support/labelled_samples.hpp"
#include "support/plain_net.hpp"
#include "support/saved_state.hpp"

namespace rbmpi {
namespace {

class NetTrainerTest : public testing::Test {
 protected:
  NetTrainerTest() {
    options_.epochs = 3;
    options_.batch_size = 20;
    options_.learning_rate = Schedule::parse("1:0.1, 3:0.05");
    options_.momentum = 0.5;
    options_.weight_cost = 0.01;
    data_.training = training_.view();
    data_.validation = validation_.view();
  }

  [[nodiscard]] FeedForwardNet classifier() const {
    FeedForwardNet net(classifier_shape(columns, std::vector<std::size_t>{18, 9}, 3));
    initialise_net(net, 5);
    return net;
  }
  [[nodiscard]] FeedForwardNet autoencoder() const {
    FeedForwardNet net(autoencoder_shape(columns, std::vector<std::size_t>{10, 4}, Activation::linear));
    initialise_net(net, 5);
    return net;
  }
  /// Only the root gives its net and classes.
  [[nodiscard]] NetTrainingResult train(const FeedForwardNet& net, const TrainingEvents& events = {},
                                        std::optional<SavedState> start = {}) const {
    FeedForwardNet given;
    if (world_.is_root()) {
      given = FeedForwardNet(net.shape());
      std::ranges::copy(net.parameters(), given.parameters().begin());
    }
    return train_net(options_, std::move(given), world_.is_root() ? training_.classes() : std::vector<std::int32_t>(),
                     data_, world_, events, std::move(start));
  }

  struct Plain {
    std::vector<double> parameters;
    std::vector<double> losses;  // of each epoch
    std::vector<double> validation_losses;
    std::vector<double> validation_errors;  // squared ones of an autoencoder
  };
  /// The same in double precision, row by row, as the formulas say it.
  [[nodiscard]] Plain plain_training(const FeedForwardNet& start) const {
    const NetShape& shape = start.shape();
    const bool classifies = shape.is_classifier();
    const ParameterLayout& layout = start.layout();
    test::PlainNet net(shape, {start.parameters().begin(), start.parameters().end()});
    std::vector<double> velocity(shape.parameters());
    Plain plain;
    std::uint64_t step = 0;
    for (std::uint64_t epoch = 1; epoch <= options_.epochs; ++epoch) {
      const RowOrder order(data_.training.rows, options_.shuffle, options_.seed, options_.layer, epoch);
      double loss = 0;
      for (std::uint64_t first = 0; first < data_.training.rows; first += options_.batch_size) {
        const std::uint64_t count = std::min(options_.batch_size, data_.training.rows - first);
        std::vector<double> gradient(velocity.size());
        for (std::uint64_t i = 0; i < count; ++i) {
          net.draw_factors(options_.seed, step, static_cast<std::uint32_t>(i), options_.input_dropout,
                           options_.hidden_dropout);
          const std::uint64_t row = order.row(first + i);
          loss += net.add_gradient(training_.row(row), training_.targets(row, classifies), gradient);
        }
        for (std::size_t k = 0; k < shape.layers(); ++k) {
          const std::size_t bias = layout.offset(2 * k + 1);
          for (std::size_t i = layout.offset(2 * k); i < bias + layout[2 * k + 1].size(); ++i) {
            const double cost = i < bias ? options_.weight_cost.at(epoch) * net.parameters()[i] : 0;
            velocity[i] = options_.momentum.at(epoch) * velocity[i] + gradient[i] / static_cast<double>(count) - cost;
            net.parameters()[i] += options_.learning_rate.at(epoch) * velocity[i];
          }
        }
        ++step;
      }
      plain.losses.push_back(loss / static_cast<double>(data_.training.rows));
      validate(net, classifies, plain);
    }
    plain.parameters = net.parameters();
    return plain;
  }

  void validate(test::PlainNet& net, bool classifies, Plain& plain) const {
    net.factors.clear();
    double loss = 0;
    double errors = 0;
    for (std::uint64_t row = 0; row < data_.validation.rows; ++row) {
      const std::vector<double> targets = validation_.targets(row, classifies);
      loss += net.loss(validation_.row(row), targets);
      const std::vector<double>& found = net.forward(validation_.row(row));
      if (classifies) {
        const auto most = std::ranges::max_element(found) - found.begin();
        errors += targets[static_cast<std::size_t>(most)] > 0 ? 0 : 1;
      } else {
        for (std::size_t j = 0; j < found.size(); ++j) errors += std::pow(found[j] - targets[j], 2);
      }
    }
    const auto rows = static_cast<double>(data_.validation.rows);
    plain.validation_losses.push_back(loss / rows);
    plain.validation_errors.push_back(errors / rows);
  }

  void expect_plain(const FeedForwardNet& net) {
    const Plain plain = plain_training(net);
    const std::string error = net.shape().is_classifier() ? "validation_error" : "validation_squared_error";
    EXPECT_GT(std::abs(plain.losses.back() - plain.losses.front()), 0.03);  // so the parameters matter
    for (const Exchange exchange : {Exchange::shared, Exchange::allreduce}) {
      for (const int ranks_per_node : {0, 1, 2}) {
        if (exchange == Exchange::shared && ranks_per_node == 2 && world_.size() % 2 != 0) continue;
        options_.exchange = exchange;
        options_.ranks_per_node = ranks_per_node;
        std::size_t epoch = 0;
        TrainingEvents events;
        events.epoch = [&](const EpochMetrics& metrics) {
          EXPECT_NEAR(metrics.figure("cross_entropy").value(), plain.losses[epoch], 1e-5);
          EXPECT_NEAR(metrics.figure("validation_cross_entropy").value(), plain.validation_losses[epoch], 1e-5);
          // Squared errors are sums of squares of differences in units of 2^-12.
          EXPECT_NEAR(metrics.figure(error).value(), plain.validation_errors[epoch], 1e-4);
          ++epoch;
        };
        const NetTrainingResult result = train(net, events);
        EXPECT_EQ(epoch, options_.epochs);
        if (!world_.is_root()) continue;
        ASSERT_EQ(result.net.shape(), net.shape());
        for (std::size_t i = 0; i < plain.parameters.size(); ++i) {
          EXPECT_NEAR(double{result.net.parameters()[i]}, plain.parameters[i], 1e-5) << "parameter " << i;
        }
      }
    }
  }

  static constexpr std::uint64_t columns = 21;
  Communicator world_ = Communicator::world();
  test::LabelledSamples training_{110, columns, 3};
  test::LabelledSamples validation_{300, columns, 3, 2};
  TrainingData data_;
  NetTrainingOptions options_;
};

TEST_F(NetTrainerTest, ClassifierAsTheFormulasSayIt) {
  expect_plain(classifier());
}

TEST_F(NetTrainerTest, ClassifierWithDropout) {
  options_.input_dropout = 0.2;
  options_.hidden_dropout = 0.5;
  expect_plain(classifier());
}

TEST_F(NetTrainerTest, SoftmaxAlone) {
  FeedForwardNet net(classifier_shape(columns, {}, 3));
  expect_plain(net);
}

TEST_F(NetTrainerTest, Autoencoder) {
  expect_plain(autoencoder());
}

TEST_F(NetTrainerTest, AutoencoderWithDropout) {
  options_.input_dropout = 0.2;
  options_.hidden_dropout = 0.1;
  options_.epochs = 4;
  expect_plain(autoencoder());
}

/// More than a node takes at once.
TEST_F(NetTrainerTest, LargeBatchesAreTakenInParts) {
  const std::uint64_t rows = 1100 * static_cast<std::uint64_t>(world_.size());
  const test::LabelledSamples many(rows, 6, 2);
  FeedForwardNet net(classifier_shape(6, {}, 2));
  data_ = {.training = many.view(), .validation = {}};
  options_.batch_size = rows;
  options_.epochs = 1;
  test::PlainNet plain(net.shape(), std::vector<double>(net.shape().parameters()));
  std::vector<double> gradient(net.shape().parameters());
  for (std::uint64_t row = 0; row < rows; ++row) plain.add_gradient(many.row(row), many.targets(row, true), gradient);
  const NetTrainingResult result = train_net(options_, std::move(net), many.classes(), data_, world_);
  if (!world_.is_root()) return;
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    EXPECT_NEAR(double{result.net.parameters()[i]}, 0.1 * gradient[i] / static_cast<double>(rows), 1e-7);
  }
}

TEST_F(NetTrainerTest, RepeatsBitForBitAndGoesOnWhereItStopped) {
  options_.hidden_dropout = 0.5;
  const NetTrainingResult expected = train(classifier());
  const NetTrainingResult again = train(classifier());

  std::optional<SavedState> kept;
  TrainingEvents events;
  events.wishes = [](const TrainingProgress& progress) { return StepWishes{.stop = progress.steps == 7}; };
  events.checkpoint = [&](const TrainingState& state, bool) { kept = test::saved(state); };
  EXPECT_FALSE(train(classifier(), events).finished);
  ASSERT_TRUE(kept.has_value());
  // Equally many parameters as those of the classifier, but of layers of other sizes.
  std::optional<SavedState> other = test::saved(
      {kept->parameters.span(), std::vector<OptimizerMemory>{{"velocity", kept->optimizer[0].values.span()}},
       kept->progress, kept->layout});
  std::vector<ParameterArray> arrays;
  for (std::size_t i = 0; i < kept->layout.count(); ++i) arrays.push_back(kept->layout[i]);
  std::swap(arrays[0].rows, arrays[0].columns);
  other->layout = ParameterLayout(arrays);
  test::expect_error(Failure::file, {"the start has parameters of another shape"},
                     [&] { (void)train(classifier(), {}, std::move(other)); });
  const NetTrainingResult resumed = train(classifier(), {}, std::move(kept));
  EXPECT_EQ(resumed.progress.best_epoch, expected.progress.best_epoch);
  EXPECT_EQ(resumed.progress.best_figure, expected.progress.best_figure);
  if (!world_.is_root()) return;
  EXPECT_EQ(net_digest(again.net), net_digest(expected.net));
  EXPECT_EQ(net_digest(resumed.net), net_digest(expected.net));
}

TEST_F(NetTrainerTest, StopsWhenValidationGetsNoBetter) {
  options_.weight_cost = 0.0;
  options_.momentum = 0.0;
  options_.epochs = 30;
  options_.early_stop = true;
  options_.patience = 2;
  options_.learning_rate = Schedule::parse("1:0.1, 4:30");  // which only does harm
  std::vector<double> figures;
  std::uint64_t best = 0;
  TrainingEvents events;
  events.epoch = [&](const EpochMetrics& metrics) {
    const double cross_entropy = metrics.figure("validation_cross_entropy").value();
    figures.push_back(std::round(300 * metrics.figure("validation_error").value()) +
                      cross_entropy / (1 + cross_entropy));
  };
  events.best = [&](const TrainingState& state) { best = state.progress.best_epoch; };
  const NetTrainingResult result = train(classifier(), events);
  const auto place = static_cast<std::size_t>(std::ranges::min_element(figures) - figures.begin());
  EXPECT_EQ(best, place + 1);
  EXPECT_EQ(result.progress.best_epoch, best);
  EXPECT_NEAR(result.progress.best_figure, figures[place], 1e-9);
  EXPECT_EQ(figures.size(), best + 2);
  EXPECT_LT(figures.size(), options_.epochs);
}

TEST_F(NetTrainerTest, WhatDoesNotFitIsRefused) {
  const auto refused = [&](Failure failure, const std::vector<std::string>& fragments, const FeedForwardNet& net) {
    test::expect_error(failure, fragments, [&] { (void)train(net); });
  };
  const TrainingData good = data_;
  data_.training.labels = nullptr;
  refused(Failure::file, {"the data have no labels"}, classifier());
  data_ = good;
  std::vector<std::int32_t> labels(300, 3);
  labels[17] = 7;
  data_.validation.labels = labels.data();
  refused(Failure::file, {"row 17 of the validation data", "label 7", "0, 3, 6"}, classifier());
  data_ = good;
  refused(Failure::file, {"the data have 21 columns", "5 inputs"}, FeedForwardNet(classifier_shape(5, {}, 3)));
  refused(Failure::usage, {"4 outputs", "3 classes"}, FeedForwardNet(classifier_shape(columns, {}, 4)));
  refused(Failure::usage, {"21-4", "neither a classifier"},
          FeedForwardNet({.units = {columns, 4}, .activations = {Activation::sigmoid}}));
  options_.hidden_dropout = 1;
  refused(Failure::usage, {"hidden-dropout = 1"}, classifier());
  options_.hidden_dropout = 0;
  options_.early_stop = true;
  data_.validation.rows = 0;
  refused(Failure::usage, {"early-stop wants rows to validate on"}, classifier());
}

TEST_F(NetTrainerTest, DivergenceIsTold) {
  options_.learning_rate = 1e38;
  options_.weight_cost = 1;
  test::expect_error(Failure::diverged, {"learning-rate = 1e+38"}, [&] { (void)train(autoencoder()); });
}

}  // namespace
}  // namespace rbmpi
