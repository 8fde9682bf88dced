#include "rbmpi/train/greedy_training.hpp"

#include <new>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "rbmpi/evaluate/hidden_features.hpp"
#include "support/expect_error.hpp"
#include "support/random_samples.hpp"
#include "support/saved_state.hpp"
#include "support/toy_unit.hpp"

namespace rbmpi {
namespace {

struct GreedyOutcome {
  std::string digest;
  std::vector<std::vector<Figure>> figures;  // of each epoch
  TrainingProgress progress;
};

class GreedyTrainingTest : public testing::Test {
 protected:
  GreedyTrainingTest() : labels_(rows) {
    for (std::size_t i = 0; i < rows; ++i) labels_[i] = static_cast<std::int32_t>(7 * (i % 3)) - 7;
    data_.training = samples_.view().part(0, rows - held_out);
    data_.validation = samples_.view().part(rows - held_out, held_out);
    data_.training.labels = labels_.data();
    data_.validation.labels = labels_.data() + data_.training.rows;
    for (const std::size_t hidden : {14U, 40U, 9U}) {
      TrainingOptions layer;
      layer.hidden = hidden;
      layer.batch_size = 10;
      layer.epochs = 2;
      layer.weight_init = 0.5;
      layer.learning_rate = 0.2;
      options_.layers.push_back(layer);
    }
    options_.layers[1].epochs = 3;
    options_.layers[1].batch_size = 20;
    options_.layers[1].learning_rate = Schedule::parse("1:0.3, 2:0.1");
    options_.layers[2].evaluate_every = 1;
  }

  /// Persistent chains from the features of each layer, and weights so large that they remember where they were.
  void use_chains() {
    for (TrainingOptions& layer : options_.layers) {
      layer.estimator = "pcd";
      layer.chains = 30;
      layer.sweeps = 2;
      layer.chains_from = ChainsFrom::data;
      layer.centring = CentringOffsets::sliding;
      layer.weight_init = 1;
    }
  }

  /// The lowest features are those of spins, from -1 to 1.
  void use_spins() { options_.layers[0].hidden_unit = options_.layers[1].visible_unit = test::toy_unit().name; }

  [[nodiscard]] GreedyOutcome train(const GreedyEvents& asked = {}, std::optional<GreedyStart> start = {}) const {
    GreedyOutcome outcome;
    GreedyEvents events = asked;
    events.training.epoch = [&](const EpochMetrics& epoch) { outcome.figures.push_back(epoch.figures); };
    const GreedyResult result = train_stack(options_, data_, world_, events, std::move(start));
    if (world_.is_root()) outcome.digest = model_digest(result.layers);
    outcome.progress = result.progress;
    return outcome;
  }

  /// Stops after so many steps, and gives what there is to go on from.
  [[nodiscard]] GreedyStart stop_after(std::uint64_t steps) const {
    GreedyStart kept;
    std::vector<Rbm> below;
    ChainsOfLayers chains;
    GreedyEvents events;
    events.layer = [&](const LayerBeginning& beginning) {
      below.clear();
      chains = beginning.chains;
      for (const Rbm& layer : beginning.below) {
        below.emplace_back(layer.shape());
        std::ranges::copy(layer.parameters(), below.back().parameters().begin());
      }
    };
    events.training.wishes = [&](const TrainingProgress& now) { return StepWishes{.stop = now.steps + 1 == steps}; };
    events.training.checkpoint = [&](const TrainingState& state, bool) {
      if (state.progress.steps > steps) return;
      kept.state = test::saved(state);
      kept.below = std::move(below);
      kept.chains = std::move(chains);
    };
    const GreedyResult result = train_stack(options_, data_, world_, events);
    EXPECT_FALSE(result.finished);
    EXPECT_EQ(result.progress.steps, steps);
    return kept;
  }

  static constexpr std::uint64_t rows = 83;
  static constexpr std::uint64_t held_out = 17;
  Communicator world_ = Communicator::world();
  test::RandomSamples samples_{ElementType::uint8, rows, 21};
  std::vector<std::int32_t> labels_;
  TrainingData data_;
  GreedyOptions options_;
};

/// The features of a dataset, as `rbmpi transform` writes them.
std::vector<Real> features_of(const Rbm& rbm, const Rows& samples) {
  std::vector<Real> all;
  hidden_features(rbm, samples, {}, Communicator(), [&](std::uint64_t, ConstMatrixView piece) {
    all.insert(all.end(), piece.values, piece.values + piece.size());
  });
  return all;
}

Samples view_of(const std::vector<Real>& values, std::uint64_t count) {
  return {.type = ElementType::float32,
          .values = reinterpret_cast<const std::byte*>(values.data()),
          .rows = count,
          .columns = values.size() / count,
          .scale = 1};
}

// Layer after layer by hand, on one rank: what any number of ranks must give.
TEST_F(GreedyTrainingTest, IsTrainingOfEachLayerOnTheFeaturesOfTheOneBelow) {
  for (const char* const what : {"", "chains", "spins"}) {
    SCOPED_TRACE(what);
    const std::vector<TrainingOptions> usual = options_.layers;
    if (what == std::string("chains")) use_chains();
    if (what == std::string("spins")) use_spins();
    GreedyOutcome expected;
    if (world_.is_root()) {
      const Communicator alone;
      std::vector<Rbm> layers;
      TrainingData data = data_;
      std::vector<Real> training;
      std::vector<Real> validation;
      for (TrainingOptions options : options_.layers) {
        options.layer = static_cast<std::uint32_t>(layers.size());
        TrainingEvents events;
        events.epoch = [&](const EpochMetrics& epoch) { expected.figures.push_back(epoch.figures); };
        layers.push_back(train_rbm(options, data, alone, events).rbm);
        training = features_of(layers.back(), data.training);
        validation = features_of(layers.back(), data.validation);
        data.training = view_of(training, rows - held_out);
        data.validation = view_of(validation, held_out);
      }
      expected.digest = model_digest(layers);
    }
    const GreedyOutcome found = train();
    options_.layers = usual;
    EXPECT_EQ(found.progress.layer, 2U);
    EXPECT_EQ(found.progress.steps, 2U * 7 + 3 * 4 + 2 * 7);
    if (!world_.is_root()) continue;
    EXPECT_EQ(found.digest, expected.digest);
    EXPECT_EQ(found.figures, expected.figures);
  }
}

TEST_F(GreedyTrainingTest, FeaturesThatAreNotKeptMakeNoDifference) {
  for (const bool join : {false, true}) {
    options_.join_labels = join;
    if (join) use_chains();
    for (TrainingOptions& layer : options_.layers) layer.visible_bias_init = VisibleBiasInit::data;
    options_.features_memory = std::nullopt;
    std::vector<std::uint64_t> made;
    GreedyEvents events;
    events.layer = [&](const LayerBeginning& beginning) { made.push_back(beginning.made_rows); };
    const GreedyOutcome kept = train(events);
    EXPECT_EQ(made, (std::vector<std::uint64_t>{0, 0, 0}));
    made.clear();
    // In layer 1 there is room for the rows that are validated on alone, in layer 2 for none of the joined ones.
    options_.features_memory = held_out * 14 * sizeof(Real);
    const GreedyOutcome on_the_fly = train(events);
    EXPECT_EQ(made, (std::vector<std::uint64_t>{0, rows - held_out, rows}));
    EXPECT_EQ(on_the_fly.digest, kept.digest);
    EXPECT_EQ(on_the_fly.figures, kept.figures);
    for (const Engine engine : {Engine::blas, Engine::active}) {
      for (const Exchange exchange : {Exchange::shared, Exchange::allreduce}) {
        for (TrainingOptions& layer : options_.layers) {
          layer.engine = engine;
          layer.exchange = exchange;
          layer.ranks_per_node = exchange == Exchange::shared && world_.size() == 4 ? 2 : 1;
        }
        use_threads(engine == Engine::blas ? 2 : 1);
        EXPECT_EQ(train().digest, kept.digest);
        use_threads(1);
      }
    }
    for (TrainingOptions& layer : options_.layers) {
      layer.engine = Engine::automatic;
      layer.exchange = Exchange::automatic;
      layer.ranks_per_node = 0;
    }
  }
}

TEST_F(GreedyTrainingTest, GoesOnInAnyLayerAndBetweenLayers) {
  const GreedyOutcome whole = train();
  // In the first layer, at its end, at the beginning of the second, in the third.
  for (const std::uint64_t steps : {5U, 14U, 15U, 21U, 31U}) {
    GreedyStart start = stop_after(steps);
    options_.features_memory = steps % 2 == 0 ? 0 : std::uint64_t{1} << 30U;
    if (world_.is_root()) {
      EXPECT_EQ(start.below.size(), steps <= 14 ? 0U : steps <= 26 ? 1U : 2U) << steps;
    }
    const GreedyOutcome rest =
        train({}, world_.is_root() ? std::optional<GreedyStart>(std::move(start)) : std::nullopt);
    EXPECT_EQ(rest.digest, whole.digest) << steps;
    EXPECT_EQ(rest.progress, whole.progress) << steps;
  }
}

TEST_F(GreedyTrainingTest, AStackWithChainsGoesOn) {
  use_chains();
  const GreedyOutcome whole = train();
  for (const std::uint64_t steps : {5U, 14U, 21U, 31U}) {
    GreedyStart start = stop_after(steps);
    options_.features_memory = steps % 2 == 0 ? 0 : std::uint64_t{1} << 30U;
    const GreedyOutcome rest =
        train({}, world_.is_root() ? std::optional<GreedyStart>(std::move(start)) : std::nullopt);
    EXPECT_EQ(rest.digest, whole.digest) << steps;
    EXPECT_EQ(rest.progress, whole.progress) << steps;
  }
}

TEST_F(GreedyTrainingTest, AStackWithSpinsGoesOn) {
  use_spins();
  const GreedyOutcome whole = train();
  for (const std::uint64_t steps : {5U, 21U, 31U}) {
    GreedyStart start = stop_after(steps);
    const GreedyOutcome rest =
        train({}, world_.is_root() ? std::optional<GreedyStart>(std::move(start)) : std::nullopt);
    EXPECT_EQ(rest.digest, whole.digest) << steps;
  }
  GreedyStart start = stop_after(21);
  for (TrainingOptions& layer : options_.layers) layer.hidden_unit = layer.visible_unit = bernoulli_unit.name;
  test::expect_error(Failure::file, {"layer 0 of the start", "toy-spin hidden", "bernoulli on both sides"}, [&] {
    (void)train({}, world_.is_root() ? std::optional<GreedyStart>(std::move(start)) : std::nullopt);
  });
}

TEST_F(GreedyTrainingTest, ALayerThatIsFinishedCarriesMore) {
  const GreedyOutcome whole = train();
  std::vector<TrainingOptions> all = options_.layers;
  options_.layers.resize(1);
  GreedyStart start = stop_after(14);
  if (world_.is_root()) {
    // As the checkpoint at the end of its last epoch has it.
    start.state.progress.epoch = 3;
    start.state.progress.epoch_rows = 0;
    start.state.progress.epoch_loss = 0;
  }
  options_.layers = all;
  EXPECT_EQ(train({}, world_.is_root() ? std::optional<GreedyStart>(std::move(start)) : std::nullopt).digest,
            whole.digest);
}

TEST_F(GreedyTrainingTest, UpdatesEndALayerInTheMiddleOfAnEpoch) {
  for (std::size_t layer = 0; layer < 3; ++layer) options_.layers[layer].updates = 9 + layer;
  const GreedyOutcome whole = train();
  EXPECT_EQ(whole.progress.steps, 30U);
  // Within a layer, and after the last step of one that is not reported yet.
  for (const std::uint64_t steps : {9U, 12U, 19U, 29U}) {
    GreedyStart start = stop_after(steps);
    const GreedyOutcome rest =
        train({}, world_.is_root() ? std::optional<GreedyStart>(std::move(start)) : std::nullopt);
    EXPECT_EQ(rest.digest, whole.digest) << steps;
    EXPECT_EQ(rest.progress.steps, 30U);
  }
}

TEST_F(GreedyTrainingTest, ChainsOfEachLayerComeAlong) {
  for (std::size_t layer : {0U, 2U}) {
    options_.layers[layer].estimator = "pcd";
    options_.layers[layer].chains = 5 + layer;
  }
  std::vector<std::vector<std::byte>> last(3);  // what each layer remembers at its end
  GreedyEvents events;
  events.training.checkpoint = [&](const TrainingState& state, bool) {
    if (state.arrays.empty()) return;
    const std::span<const std::byte> values = state.arrays.front().values;
    last[state.progress.layer].assign(values.begin(), values.end());
  };
  const GreedyResult whole = train_stack(options_, data_, world_, events);
  if (world_.is_root()) {
    ASSERT_EQ(whole.chains.size(), 2U);
    EXPECT_EQ(whole.chains.at(2).rows, 7U);
    for (const auto& [layer, chains] : whole.chains) {
      EXPECT_EQ(chains.columns, whole.layers[layer].shape().visible);
      EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(chains.words)), last[layer]));
    }
  } else {
    EXPECT_TRUE(whole.chains.empty());
  }
  for (const std::uint64_t steps : {5U, 14U, 18U, 30U}) {
    GreedyStart start = stop_after(steps);
    const GreedyResult rest =
        train_stack(options_, data_, world_, {}, world_.is_root() ? std::optional(std::move(start)) : std::nullopt);
    EXPECT_EQ(rest.chains, whole.chains) << steps;
  }
  std::optional<GreedyStart> start;
  if (world_.is_root()) {
    start.emplace(stop_after(5));
    start->chains[1] = ChainStates(2, 14);
  } else {
    (void)stop_after(5);
  }
  test::expect_error(Failure::file, {"the start has chains of 14 units in layer 1"},
                     [&] { (void)train_stack(options_, data_, world_, {}, std::move(start)); });
}

TEST_F(GreedyTrainingTest, LabelsAreUnitsOfTheHighestLayer) {
  options_.join_labels = true;
  const GreedyResult result = train_stack(options_, data_, world_);
  EXPECT_EQ(result.classes, (std::vector<std::int32_t>{-7, 0, 7}));
  if (!world_.is_root()) return;
  EXPECT_EQ(result.layers[1].shape(), (RbmShape{14, 40}));
  EXPECT_EQ(result.layers[2].shape(), (RbmShape{43, 9}));
}

TEST_F(GreedyTrainingTest, EarlyStoppingIsForTheHighestLayer) {
  for (TrainingOptions& layer : options_.layers) {
    layer.early_stop = EarlyStop::pseudo_likelihood;
    layer.patience = 1;
    layer.epochs = 6;
    layer.learning_rate = 1;
  }
  std::vector<std::uint64_t> best(3);
  GreedyEvents events;
  events.training.best = [&](const TrainingState& state) { ++best[state.progress.layer]; };
  const GreedyOutcome outcome = train(events);
  EXPECT_EQ(best[0] + best[1], 0U);
  EXPECT_GT(best[2], 0U);
  EXPECT_LT(outcome.progress.epoch, 7U);
}

TEST_F(GreedyTrainingTest, WhatFailsOnOneRankAtTheBeginningOfALayerFailsOnAll) {
  GreedyEvents events;
  events.layer = [&](const LayerBeginning& beginning) {
    if (world_.is_root() && beginning.layer == 1) throw std::bad_alloc();
  };
  EXPECT_THROW((void)train_stack(options_, data_, world_, events), AgreedError);
}

TEST_F(GreedyTrainingTest, WhatCannotBeIsRefused) {
  const auto refused = [&](Failure failure, const std::vector<std::string>& words,
                           std::optional<GreedyStart> start = {}) {
    test::expect_error(failure, words, [&] { (void)train_stack(options_, data_, world_, {}, std::move(start)); });
  };
  options_.join_labels = true;
  options_.layers[1].hidden_unit = options_.layers[2].visible_unit = test::toy_unit().name;
  refused(Failure::usage, {"join-labels = on", "zeros and ones", "toy-spin"});
  options_.layers[1].hidden_unit = options_.layers[2].visible_unit = bernoulli_unit.name;
  labels_[rows - 2] = 5;
  refused(Failure::file, {"join-labels", "row 15", "label 5"});
  data_.validation.labels = nullptr;
  refused(Failure::file, {"join-labels", "validation data have no labels"});
  data_.training.labels = nullptr;
  refused(Failure::file, {"join-labels", "training data have no labels"});
  options_.join_labels = false;
  options_.layers[1].epochs = 0;
  refused(Failure::usage, {"epochs = 0"});
  options_.layers[1].epochs = 1;
  options_.layers[0].hidden_unit = test::toy_unit().name;
  refused(Failure::usage, {"layer 2 of 3", "bernoulli", "toy-spin"});
  options_.layers[0].hidden_unit = bernoulli_unit.name;
  options_.layers[1].learning_rate = 1e30;
  refused(Failure::diverged, {"layer 2 of 3", "learning-rate = 1e+30"});
  options_.layers.resize(1);
  std::optional<GreedyStart> start;
  if (world_.is_root()) {
    start.emplace();
    start->below.emplace_back(RbmShape{21, 14});
    start->state.progress.layer = 1;
  }
  refused(Failure::file, {"the start is in layer 1"}, std::move(start));
  // Equally many parameters, but of a layer that is the other way round.
  start.reset();
  if (world_.is_root()) {
    start.emplace();
    const RbmShape shape{options_.layers[0].hidden, 21};
    start->state.parameters = AlignedBuffer<Real>(shape.parameters());
    start->state.layout = rbm_layout(shape);
  }
  refused(Failure::file, {"the start has", "14 x 21", "instead of", "21 x 14"}, std::move(start));
  options_.layers.clear();
  refused(Failure::usage, {"layers"});
}

}  // namespace
}  // namespace rbmpi
