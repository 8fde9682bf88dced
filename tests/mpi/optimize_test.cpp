#include "rbmpi/train/optimize.hpp"

#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/train/rows_gradient.hpp"
#include "support/expect_error.hpp"
#include "support/random_samples.hpp"
#include "support/saved_state.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t outputs = 3;

/// Linear regression of sums of units: loss |v W + b - y|^2 / 2, y_k the sum of every k + 2-th unit.
class Regression {
 public:
  explicit Regression(const Samples& samples) : samples_(samples), v_(samples.columns) {}

  [[nodiscard]] ParameterLayout layout() const {
    return ParameterLayout(
        {{.path = "weights", .rows = samples_.columns, .columns = outputs, .group = 4, .weight_cost = true},
         {.path = "bias", .rows = outputs}});
  }

  template <typename Parameter, typename Gradient>
  double add(const MiniBatch& rows, std::span<const Parameter> parameters, std::span<Gradient> gradient) {
    double loss = 0;
    for (std::uint64_t i = 0; i < rows.count; ++i) {
      rows.read(i, unrounded, v_);
      loss += add_row(parameters, gradient);
    }
    return loss;
  }

  /// Of the row in `v_`.
  template <typename Parameter, typename Gradient>
  double add_row(std::span<const Parameter> parameters, std::span<Gradient> gradient) {
    const std::size_t columns = v_.size();
    double loss = 0;
    for (std::size_t k = 0; k < outputs; ++k) {
      double difference = double{parameters[columns * outputs + k]};
      for (std::size_t j = 0; j < columns; ++j) {
        difference += double{v_[j]} * (double{parameters[j * outputs + k]} - (j % (k + 2) == 0 ? 1 : 0));
      }
      loss += difference * difference / 2;
      for (std::size_t j = 0; j < columns; ++j) {
        gradient[j * outputs + k] -= static_cast<Gradient>(difference * double{v_[j]});
      }
      gradient[columns * outputs + k] -= static_cast<Gradient>(difference);
    }
    return loss;
  }

  [[nodiscard]] RowsGradient function() {
    return RowsGradient(
        layout(), "loss",
        [this](const MiniBatch& rows, std::span<const Real> parameters, std::span<Real> gradient) {
          return add(rows, parameters, gradient);
        },
        [](std::span<Real> parameters) {
          for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] = 0.01F * static_cast<Real>(i % 7);
        },
        [](std::span<const Real> parameters, std::vector<Figure>& figures) {
          figures.push_back({"first", double{parameters.front()}});
        });
  }

 private:
  const Samples& samples_;
  std::vector<Real> v_;
};

class OptimizeTest : public testing::Test {
 protected:
  OptimizeTest() {
    options_.epochs = 4;
    options_.batch_size = 10;
    options_.learning_rate = Schedule::parse("1:0.02, 3:0.01");
    options_.momentum = 0.5;
    options_.weight_cost = 0.01;
  }

  /// The same in double precision, on one thread, as the formulas say it.
  [[nodiscard]] std::vector<double> expected(std::vector<double>& losses) {
    Regression model(samples_.view());
    const ParameterLayout layout = model.layout();
    std::vector<double> parameters(layout.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i] = double{0.01F * static_cast<Real>(i % 7)};
    std::vector<double> velocity(parameters.size());
    Workspace memory;
    const std::unique_ptr<RowReader> reader = Rows(samples_.view()).reader({.most_rows = rows}, memory);
    for (std::uint64_t epoch = 1; epoch <= options_.epochs; ++epoch) {
      const RowOrder order(rows, options_.shuffle, options_.seed, options_.layer, epoch);
      double loss = 0;
      for (std::uint64_t first = 0; first < rows; first += options_.batch_size) {
        const std::uint64_t count = std::min(options_.batch_size, rows - first);
        std::vector<double> gradient(parameters.size());
        reader->next(order, first, count);
        loss += model.add({.rows = reader.get(), .count = count}, std::span<const double>(parameters),
                          std::span<double>(gradient));
        for (std::size_t i = 0; i < parameters.size(); ++i) {
          const double cost = i < layout.offset(1) ? options_.weight_cost.at(epoch) * parameters[i] : 0;
          velocity[i] = options_.momentum.at(epoch) * velocity[i] + gradient[i] / static_cast<double>(count) - cost;
          parameters[i] += options_.learning_rate.at(epoch) * velocity[i];
        }
      }
      losses.push_back(loss / rows);
    }
    return parameters;
  }

  static constexpr std::uint64_t rows = 47;
  Communicator world_ = Communicator::world();
  test::RandomSamples samples_{ElementType::uint8, rows, 13};
  OptimizationOptions options_;
};

TEST_F(OptimizeTest, FollowsAGradientOfOnesOwn) {
  std::vector<double> losses;
  const std::vector<double> parameters = expected(losses);
  EXPECT_LT(losses.back(), losses.front() / 2);
  for (const Exchange exchange : {Exchange::shared, Exchange::allreduce}) {
    for (const int ranks_per_node : {0, 1, 2}) {
      if (exchange == Exchange::shared && ranks_per_node == 2 && world_.size() % 2 != 0) continue;
      options_.exchange = exchange;
      options_.ranks_per_node = ranks_per_node;
      Regression model(samples_.view());
      RowsGradient function = model.function();
      std::vector<double> found;
      TrainingEvents events;
      events.epoch = [&](const EpochMetrics& metrics) {
        ASSERT_EQ(metrics.figures.size(), 2U);
        EXPECT_EQ(metrics.figures[1].name, "first");
        found.push_back(metrics.figure("loss").value());
      };
      const OptimizationResult result = optimize(function, samples_.view(), options_, world_, events);
      ASSERT_EQ(found.size(), losses.size());
      for (std::size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(found[i], losses[i], 1e-5 * losses[i]);
      if (!world_.is_root()) continue;
      ASSERT_EQ(result.parameters.size(), parameters.size());
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        EXPECT_NEAR(double{result.parameters.span()[i]}, parameters[i], 1e-5) << i;
      }
    }
  }
}

TEST_F(OptimizeTest, GoesOnWhereItStopped) {
  Regression model(samples_.view());
  RowsGradient whole = model.function();
  const OptimizationResult expected = optimize(whole, samples_.view(), options_, world_);

  std::optional<SavedState> kept;
  TrainingEvents events;
  events.wishes = [](const TrainingProgress& progress) { return StepWishes{.stop = progress.steps == 6}; };
  events.checkpoint = [&](const TrainingState& state, bool) { kept = test::saved(state); };
  RowsGradient first = model.function();
  EXPECT_FALSE(optimize(first, samples_.view(), options_, world_, events).finished);
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->progress.steps, 7U);
  RowsGradient second = model.function();
  const OptimizationResult result = optimize(second, samples_.view(), options_, world_, {}, std::move(kept));
  EXPECT_TRUE(result.finished);
  if (!world_.is_root()) return;
  for (std::size_t i = 0; i < expected.parameters.size(); ++i) {
    EXPECT_EQ(result.parameters.span()[i], expected.parameters.span()[i]) << i;
  }
}

TEST_F(OptimizeTest, PenaltiesWantParametersToActOn) {
  options_.field_cost = Schedule::parse("1:0, 3:0.1");
  Regression model(samples_.view());
  RowsGradient function = model.function();
  test::expect_error(Failure::usage, {"field-cost = 1:0, 3:0.1", "no visible biases", "weights"},
                     [&] { (void)optimize(function, samples_.view(), options_, world_); });
}

TEST_F(OptimizeTest, DivergenceIsToldWithTheLearningRate) {
  options_.learning_rate = 1e30;
  Regression model(samples_.view());
  RowsGradient function = model.function();
  test::expect_error(Failure::diverged, {"epoch 1", "learning-rate = 1e+30"},
                     [&] { (void)optimize(function, samples_.view(), options_, world_); });
}

TEST_F(OptimizeTest, ParametersThatAreNotFiniteAreRefused) {
  Regression model(samples_.view());
  RowsGradient function(
      model.layout(), "loss", [](const MiniBatch&, std::span<const Real>, std::span<Real>) { return 0.0; },
      [](std::span<Real> parameters) { parameters.back() = NAN; });
  test::expect_error(Failure::usage, {"initial parameters"},
                     [&] { (void)optimize(function, samples_.view(), options_, world_); });
}

}  // namespace
}  // namespace rbmpi
