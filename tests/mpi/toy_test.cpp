// A toy unit, a toy estimator with chains of another number than rows, and a toy source of rows, each one file and one
// row of a table (tests/support/toys.hpp): the places where later ones will live.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/kernels.hpp"
#include "support/expect_error.hpp"
#include "support/saved_state.hpp"
#include "support/toys.hpp"

namespace rbmpi {
namespace {

struct Layout {
  Exchange exchange;
  int ranks_per_node;
};

class ToyTest : public testing::Test {
 protected:
  ToyTest() { test::add_toys(); }

  [[nodiscard]] TrainingResult train(const Communicator& ranks, const TrainingEvents& events = {},
                                     std::optional<SavedState> start = {}) const {
    return train_rbm(options_, {rows_, {}}, ranks, events, std::move(start));
  }

  /// The parameters of a training on this rank alone.
  [[nodiscard]] std::vector<Real> alone() const {
    const TrainingResult result = train(Communicator());
    const std::span<const Real> parameters = result.rbm.parameters();
    return {parameters.begin(), parameters.end()};
  }

  void expect_same(const TrainingResult& result, const std::vector<Real>& expected) const {
    if (!world_.is_root()) return;
    ASSERT_EQ(result.rbm.parameters().size(), expected.size());
    EXPECT_EQ(std::memcmp(result.rbm.parameters().data(), expected.data(), expected.size() * sizeof(Real)), 0);
  }

  [[nodiscard]] std::vector<Layout> layouts() const {
    std::vector<Layout> layouts = {{Exchange::shared, 0}, {Exchange::shared, 1}, {Exchange::allreduce, 0}};
    if (world_.size() % 2 == 0) layouts.push_back({Exchange::shared, 2});
    return layouts;
  }

  void expect_same_on_all_layouts(const std::vector<Real>& expected) {
    for (const auto& [exchange, ranks_per_node] : layouts()) {
      options_.exchange = exchange;
      options_.ranks_per_node = ranks_per_node;
      expect_same(train(world_), expected);
    }
  }

  Communicator world_ = Communicator::world();
  test::ToyRows rows_{test::toy_rows, test::toy_columns};
  TrainingOptions options_ = test::toy_options();
};

TEST_F(ToyTest, EveryLayoutHasTheSameBits) {
  expect_same_on_all_layouts(alone());
}

/// The first step in double precision, as the formulas say it.
std::vector<double> plain_step(const TrainingOptions& options, const Rbm& rbm) {
  const std::size_t V = rbm.shape().visible;
  const std::size_t H = rbm.shape().hidden;
  const RbmView<const Real> view = rbm.view();
  struct Means {
    explicit Means(std::size_t visible, std::size_t hidden) : w(visible * hidden), v(visible), h(hidden) {}
    std::vector<double> w, v, h;
    double weight = 0;
  };
  const auto hidden_field = [&](const std::vector<Real>& v, std::size_t j) {
    double field = double{view.hidden_bias[j]};
    for (std::size_t i = 0; i < V; ++i) field += double{v[i]} * double{view.weights.row(i)[j]};
    return field;
  };
  const auto add = [&](Means& means, const std::vector<Real>& v, double weight) {
    means.weight += weight;
    for (std::size_t j = 0; j < H; ++j) {
      const double h = std::tanh(hidden_field(v, j));
      means.h[j] += weight * h;
      for (std::size_t i = 0; i < V; ++i) means.w[i * H + j] += weight * double{v[i]} * h;
    }
    for (std::size_t i = 0; i < V; ++i) means.v[i] += weight * double{v[i]};
  };
  const auto divide = [](Means& means) {
    for (auto* values : {&means.w, &means.v, &means.h}) {
      for (double& value : *values) value /= means.weight;
    }
  };

  Means data(V, H);
  std::vector<Real> v(V);
  for (std::uint64_t row = 0; row < test::toy_rows; ++row) {
    for (std::size_t i = 0; i < V; ++i) v[i] = test::ToyRows::value(row, i);
    add(data, v, double{test::ToyRows::weight(row)});
  }
  Means model(V, H);
  const Draws draws{.seed = options.seed};
  for (std::uint64_t chain = 0; chain < test::toy_chains; ++chain) {
    for (std::size_t i = 0; i < V; ++i) v[i] = test::toy_start(chain, i);
    std::vector<Real> h(H);
    for (std::size_t j = 0; j < H; ++j) h[j] = static_cast<Real>(hidden_field(v, j) - double{view.hidden_bias[j]});
    rbm.shape().hidden_unit->draw(view.hidden_units(), unrounded, draws.stream(Phase::chain_hidden, chain), h.data(),
                                  h.data());
    for (std::size_t i = 0; i < V; ++i) {
      double field = 0;
      for (std::size_t j = 0; j < H; ++j) field += double{view.weights.row(i)[j]} * double{h[j]};
      v[i] = static_cast<Real>(field);
    }
    rbm.shape().visible_unit->draw(view.visible_units(), unrounded, draws.stream(Phase::chain_visible, chain), v.data(),
                                   v.data());
    add(model, v, 1);
  }
  divide(data);
  divide(model);

  const double mean_weight = data.weight / static_cast<double>(test::toy_rows);
  std::vector<double> b(V);
  std::vector<double> c(H);
  for (std::size_t i = 0; i < V; ++i) b[i] = data.v[i] - model.v[i];
  for (std::size_t j = 0; j < H; ++j) c[j] = data.h[j] - model.h[j];
  std::vector<double> w(V * H);
  std::vector<double> centred_b = b;
  std::vector<double> centred_c = c;
  for (std::size_t i = 0; i < V; ++i) {
    for (std::size_t j = 0; j < H; ++j) {
      const std::size_t k = i * H + j;
      w[k] = data.w[k] - model.w[k] - b[i] * data.h[j] - data.v[i] * c[j];
      centred_b[i] -= w[k] * data.h[j];
      centred_c[j] -= w[k] * data.v[i];
    }
  }
  w.insert(w.end(), centred_b.begin(), centred_b.end());
  w.insert(w.end(), centred_c.begin(), centred_c.end());
  std::vector<double> parameters(rbm.parameters().begin(), rbm.parameters().end());
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    const double cost = k < V * H ? options.weight_cost.at(1) * parameters[k] : 0;
    parameters[k] += options.learning_rate.at(1) * (mean_weight * w[k] - cost);
  }
  return parameters;
}

TEST_F(ToyTest, TheFirstStepIsThatOfTheFormulas) {
  options_.batch_size = test::toy_rows;
  options_.epochs = 1;
  options_.learning_rate = 1;
  options_.weight_init = 0.3;
  options_.visible_bias_init = VisibleBiasInit::zero;
  Rbm start(test::toy_shape());
  initialise_weights(start, options_.weight_init, options_.seed, 0);
  const std::vector<double> expected = plain_step(options_, start);
  const std::vector<Real> found = alone();
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(double{found[i]}, expected[i], 2e-5) << i;
}

TEST_F(ToyTest, GoesOnWithItsChainsOnAnyLayout) {
  const std::vector<Real> expected = alone();
  for (const auto& [exchange, ranks_per_node] : layouts()) {
    options_.exchange = exchange;
    options_.ranks_per_node = ranks_per_node;
    for (const Layout& other : layouts()) {
      std::optional<SavedState> kept;
      TrainingEvents events;
      events.wishes = [](const TrainingProgress& progress) { return StepWishes{.stop = progress.steps == 5}; };
      events.checkpoint = [&](const TrainingState& state, bool) { kept = test::saved(state); };
      EXPECT_FALSE(train(world_, events).finished);
      ASSERT_TRUE(kept.has_value());
      if (world_.is_root()) {
        ASSERT_EQ(kept->arrays.size(), 1U);
        EXPECT_EQ(kept->arrays[0].name, "chains");
        EXPECT_EQ(kept->arrays[0].rows, test::toy_chains);
        EXPECT_EQ(kept->arrays[0].values.size(), test::toy_chains * test::toy_columns * sizeof(float));
      } else {
        EXPECT_TRUE(kept->arrays.empty());
      }
      const TrainingOptions before = options_;
      options_.exchange = other.exchange;
      options_.ranks_per_node = other.ranks_per_node;
      expect_same(train(world_, {}, std::move(kept)), expected);
      options_ = before;
    }
  }
}

TEST_F(ToyTest, ACheckpointHasTheChainsOfItsStepHoweverLongItTakes) {
  const std::vector<Real> expected = alone();
  for (const auto& [exchange, ranks_per_node] : layouts()) {
    options_.exchange = exchange;
    options_.ranks_per_node = ranks_per_node;
    std::optional<SavedState> kept;
    TrainingEvents events;
    events.wishes = [](const TrainingProgress& progress) { return StepWishes{.checkpoint = progress.steps == 5}; };
    events.checkpoint = [&](const TrainingState& state, bool) {
      if (kept || !world_.is_root()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      kept = test::saved(state);
    };
    expect_same(train(world_, events), expected);
    ASSERT_EQ(kept.has_value(), world_.is_root());
    expect_same(train(world_, {}, std::move(kept)), expected);
  }
}

TEST_F(ToyTest, BatchesAndChainsInPartsHaveTheSameBits) {
  rows_ = test::ToyRows(5000, test::toy_columns);
  options_.epochs = 1;
  for (const std::uint64_t batch_size : {2600U, 4500U}) {  // the second in double precision
    options_.batch_size = batch_size;
    const std::vector<Real> expected = alone();
    expect_same_on_all_layouts(expected);
  }
  options_.batch_size = 20;
  options_.estimator = "many-toys";
  rows_ = test::ToyRows(test::toy_rows, test::toy_columns);
  expect_same_on_all_layouts(alone());
}

TEST_F(ToyTest, AStartWithoutTheChainsIsRefused) {
  std::optional<SavedState> kept;
  TrainingEvents events;
  events.wishes = [](const TrainingProgress& progress) { return StepWishes{.stop = progress.steps == 2}; };
  events.checkpoint = [&](const TrainingState& state, bool) { kept = test::saved(state); };
  (void)train(world_, events);
  const auto refused = [&](const std::string& why, const auto& change) {
    std::optional<SavedState> start;
    if (world_.is_root()) {
      start = test::saved({kept->parameters.span(),
                           std::vector<OptimizerMemory>{{"velocity", kept->optimizer[0].values.span()}}, kept->progress,
                           kept->layout});
      SavedState::Array& chains = start->arrays.emplace_back();
      chains = {"chains", ElementType::float32, test::toy_chains, test::toy_columns,
                AlignedBuffer<std::byte>(kept->arrays[0].values.size())};
      change(*start);
    }
    test::expect_error(Failure::file, {why}, [&] { (void)train(world_, {}, std::move(start)); });
  };
  refused("no array 'chains'", [](SavedState& start) { start.arrays.clear(); });
  refused("'chains' of the state as float32 [36 x 21] instead of float32 [37 x 21]",
          [](SavedState& start) { start.arrays[0].rows = 36; });
  refused("'other'", [](SavedState& start) {
    SavedState::Array& other = start.arrays.emplace_back();
    other = {"other", ElementType::uint8, 0, 1, {}};
  });
}

/// An estimator with faults.
struct Faults {
  std::size_t panel_rows = 16;
  std::int64_t model_weight = 1;
  std::vector<StateArray> state;
};
Faults faults;

class FaultyEstimator final : public BatchGradient {
 public:
  BatchTotals propagate(const MiniBatch& /*batch*/, Shard /*chains*/, PhaseClock& /*clock*/) override {
    return {.loss = 0, .weights = {1, faults.model_weight}};
  }
  void sum(GradientPhase /*phase*/, std::size_t array, Shard rows, std::size_t /*thread*/, Real* sums) override {
    std::fill_n(sums, rows.count * (array == weights_array ? test::toy_shape().hidden : 1), Real{0});
  }
  [[nodiscard]] std::size_t panel_rows(std::size_t array) const noexcept override {
    return array == weights_array ? faults.panel_rows : 100;
  }
  [[nodiscard]] std::vector<StateArray> state() override { return faults.state; }
};

class FaultyEstimatorTest : public ToyTest {
 protected:
  FaultyEstimatorTest() {
    static const bool added = [] {
      GradientEstimatorEntry entry{.name = "faulty",
                                   .summary = "for tests",
                                   .make = [](const EstimatorSettings&, Workspace&) -> std::unique_ptr<BatchGradient> {
                                     return std::make_unique<FaultyEstimator>();
                                   },
                                   .chains = [](const TrainingOptions&) { return std::uint64_t{5}; },
                                   .reads_weights = true};
      add_gradient_estimator(entry);
      entry.name = "unweighted";
      entry.reads_weights = false;
      add_gradient_estimator(entry);
      return true;
    }();
    (void)added;
    faults = {};
    options_.estimator = "faulty";
  }

  void expect_refused(const std::vector<std::string>& why) {
    for (const auto& [exchange, ranks_per_node] : layouts()) {
      options_.exchange = exchange;
      options_.ranks_per_node = ranks_per_node;
      test::expect_error(Failure::usage, why, [&] { (void)train(world_); });
    }
  }
};

TEST_F(FaultyEstimatorTest, WhatIsRightTrains) {
  EXPECT_NO_THROW((void)train(world_));
}

TEST_F(FaultyEstimatorTest, WeightsThatAreForgottenAreAnErrorOfAll) {
  faults.model_weight = 0;
  expect_refused({"2 phases", "total weights", "of samples above 0"});
}

TEST_F(FaultyEstimatorTest, PanelsThatCutGroupsAreRefused) {
  for (const std::size_t rows : {0U, 7U}) {
    faults.panel_rows = rows;
    expect_refused({"panels of " + std::to_string(rows) + " rows of '/layer_0/weights'", "group of 16"});
  }
}

TEST_F(FaultyEstimatorTest, ArraysOfTheStateThatCannotBeAreRefused) {
  std::vector<std::byte> bytes(12);
  const auto refused = [&](const StateArray& array, const std::string& why) {
    faults.state = {array};
    expect_refused({"'" + array.name + "'", why});
  };
  refused({.name = "a/b", .rows = 12, .values = bytes}, "'/'");
  refused({.name = ".", .rows = 12, .values = bytes}, "a dot");
  refused({.name = "none", .rows = 0, .values = {}}, "may be nothing");
  refused({.name = "short", .rows = 13, .values = bytes}, "13 rows of 1 bytes would be right");
  faults.state = {{.name = "same", .rows = 12, .values = bytes}, {.name = "same", .rows = 12, .values = bytes}};
  expect_refused({"'same'", "twice"});
  if (world_.size() > 1) {
    faults.state = {{.name = "mine", .rows = 12, .values = bytes}};
    if (world_.rank() == 1) faults.state.clear();
    expect_refused({"the state of rank 1", "no arrays instead of mine uint8 12 x 1"});
  }
}

TEST_F(FaultyEstimatorTest, WeightsOfRowsWantAnEstimatorThatReadsThem) {
  options_.estimator = "unweighted";
  expect_refused({"estimator = unweighted", "weights"});
}

TEST_F(FaultyEstimatorTest, TheTableTakesWholeRowsOnce) {
  const auto refused = [](const GradientEstimatorEntry& entry, const std::string& why) {
    test::expect_error(Failure::usage, {why}, [&] { add_gradient_estimator(entry); });
  };
  refused({.name = "half", .summary = ""}, "all of its functions");
  refused(test::toy_estimator(), "'toy' already");
}

}  // namespace
}  // namespace rbmpi
