#include "rbmpi/train/trainer.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "rbmpi/train/early_stop.hpp"
#include "rbmpi/train/optimizer.hpp"
#include "rbmpi/train/replicas.hpp"
#include "support/expect_error.hpp"
#include "support/numbers.hpp"
#include "support/random_samples.hpp"
#include "support/saved_state.hpp"

namespace rbmpi {
namespace {

struct Case {
  std::string name;
  ElementType type = ElementType::uint8;
  std::uint64_t rows = 47;
  std::uint64_t columns = 19;
  std::uint64_t validation_rows = 0;
  TrainingOptions options;
  bool weighted = false;  ///< rows count differently
};

/// Of rows that count differently: some not at all, one more than all others.
std::vector<float> weights_of(const Case& c, std::uint64_t rows) {
  std::vector<float> weights(c.weighted ? rows : 0);
  for (std::uint64_t row = 0; row < weights.size(); ++row) weights[row] = 0.3F * static_cast<float>(row * row % 5);
  if (!weights.empty()) weights[rows / 2] = 5;
  return weights;
}

/// Samples with weights, if there are any, which must live on.
Rows weighted(const Samples& samples, const std::vector<float>& weights) {
  Rows rows = samples;
  rows.weights = weights.empty() ? nullptr : weights.data();
  return rows;
}

/// The data of a case, in memory.
struct CaseData {
  explicit CaseData(const Case& c)
      : training(c.type, c.rows, c.columns, 1),
        validation(c.type, c.validation_rows, c.columns, 2),
        training_weights(weights_of(c, c.rows)),
        validation_weights(weights_of(c, c.validation_rows)),
        data{weighted(training.view(), training_weights), weighted(validation.view(), validation_weights)} {}

  test::RandomSamples training;
  test::RandomSamples validation;
  std::vector<float> training_weights;
  std::vector<float> validation_weights;
  TrainingData data;
};

void PrintTo(const Case& shown, std::ostream* stream) {
  *stream << shown.name;
}

Case make_case(const std::string& name, ElementType type, const std::function<void(Case&)>& change = {}) {
  Case result;
  result.name = name;
  result.type = type;
  result.options.hidden = 13;
  result.options.batch_size = 10;  // the last batch of an epoch has 7 rows
  result.options.epochs = 3;
  result.options.weight_init = 0.1;
  if (change) change(result);
  return result;
}

/// Few columns, so that thousands of rows take little time.
void many_rows(Case& c, std::uint64_t rows, std::uint64_t batch_size) {
  c.rows = rows;
  c.columns = 6;
  c.options.hidden = 5;
  c.options.epochs = 2;
  c.options.batch_size = batch_size;
}

/// Contrastive divergence of all kinds, and persistent chains. The weights are large: with small ones chains forget
/// where they were, and so whether they went on rightly.
void add_chains(std::vector<Case>& cases) {
  const auto add = [&](const std::string& name, const std::function<void(Case&)>& change) {
    Case c = make_case(name, ElementType::uint8);
    c.options.weight_init = 1;
    c.validation_rows = 5;
    change(c);
    cases.push_back(c);
  };
  add("cd_3", [](Case& c) { c.options.sweeps = 3; });
  add("cd_3_in_blocks", [](Case& c) {
    c.rows = 701;
    c.columns = 90;
    c.options.batch_size = 600;
    c.options.sweeps = 3;
  });
  add("cd_means", [](Case& c) { c.options.statistics = UnitValues::means; });
  add("cd_2_means_unsampled", [](Case& c) {
    c.options.sweeps = 2;
    c.options.statistics = UnitValues::means;
    c.options.sample_data = false;
  });
  add("cd_hinton", [](Case& c) {
    c.options.statistics = c.options.reconstruction = UnitValues::means;
    c.options.sample_data = false;
    c.rows = 700;  // more than products of means are added up exactly
    c.options.batch_size = 600;
  });
  add("cd_2_mean_reconstruction", [](Case& c) {
    c.options.sweeps = 2;
    c.options.reconstruction = UnitValues::means;
  });
  for (const CentringOffsets offsets : {CentringOffsets::batch, CentringOffsets::sliding}) {
    const std::string name = offsets == CentringOffsets::batch ? "batch" : "sliding";
    add("cd_centred_" + name, [&](Case& c) { c.options.centring = offsets; });
    add("cd_3_means_centred_" + name, [&](Case& c) {
      c.options.centring = offsets;
      c.options.statistics = UnitValues::means;
      c.options.sweeps = 3;
      c.columns = 90;
    });
  }
  const auto add_pcd = [&](const std::string& name, const std::function<void(Case&)>& change = {}) {
    add(name, [&](Case& c) {
      c.options.estimator = "pcd";
      if (change) change(c);
    });
  };
  add_pcd("pcd");
  add_pcd("pcd_3_with_37_chains", [](Case& c) {
    c.options.chains = 37;
    c.options.sweeps = 3;
  });
  add_pcd("pcd_with_2_chains", [](Case& c) { c.options.chains = 2; });  // fewer than ranks
  add_pcd("pcd_states", [](Case& c) { c.options.statistics = UnitValues::states; });
  add_pcd("pcd_unsampled", [](Case& c) { c.options.sample_data = false; });
  add_pcd("pcd_centred", [](Case& c) { c.options.centring = CentringOffsets::batch; });
  add_pcd("pcd_centred_sliding_from_data", [](Case& c) {
    c.options.centring = CentringOffsets::sliding;
    c.options.chains_from = ChainsFrom::data;
    c.options.chains = 120;  // more than rows
  });
  add_pcd("pcd_from_noise_of_90_columns", [](Case& c) {
    c.columns = 90;
    c.options.hidden = 70;
    c.options.chains = 300;
    c.options.chains_from = ChainsFrom::noise;
  });
  add_pcd("pcd_many_chains", [](Case& c) {
    many_rows(c, 300, 100);
    c.options.chains = 3000;  // taken in parts
    c.options.centring = CentringOffsets::batch;
  });
  add_pcd("pcd_wide", [](Case& c) {
    many_rows(c, 300, 100);
    c.options.chains = 5000;
  });
  add_pcd("pcd_by_adam", [](Case& c) { c.options.optimizer = "adam"; });

  const auto add_weighted = [&](const std::string& name, const std::function<void(Case&)>& change = {}) {
    add(name + "_weighted", [&](Case& c) {
      c.weighted = true;
      c.options.visible_bias_init = VisibleBiasInit::data;
      if (change) change(c);
    });
  };
  add_weighted("cd");
  add_weighted("cd_in_blocks", [](Case& c) {
    c.rows = 701;
    c.columns = 90;
    c.options.batch_size = 600;
    c.options.statistics = UnitValues::means;
  });
  add_weighted("cd_unsampled", [](Case& c) {
    c.rows = 701;
    c.options.batch_size = 600;  // more than products of numbers are added up exactly
    c.options.sample_data = false;
  });
  add_weighted("cd_mean_reconstruction", [](Case& c) { c.options.reconstruction = UnitValues::means; });
  add_weighted("cd_wide", [](Case& c) { many_rows(c, 9000, 5000); });
  add_weighted("pcd_centred_sliding_from_data", [](Case& c) {
    c.options.estimator = "pcd";
    c.options.centring = CentringOffsets::sliding;
    c.options.chains_from = ChainsFrom::data;
    c.options.chains = 120;
  });
}

std::vector<Case> cases() {
  std::vector<Case> cases;
  for (const auto& [type, name] :
       {std::pair(ElementType::uint8, "bytes"), {ElementType::float32, "floats"}, {ElementType::float64, "doubles"}}) {
    for (const bool sample_data : {true, false}) {
      for (const bool shuffle : {true, false}) {
        const std::string full_name =
            std::string(name) + (sample_data ? "_sampled" : "_unsampled") + (shuffle ? "_shuffled" : "_in_order");
        cases.push_back(make_case(full_name, type, [&](Case& c) {
          c.options.sample_data = sample_data;
          c.options.shuffle = shuffle;
          c.validation_rows = shuffle ? 23 : 0;
        }));
      }
    }
  }
  const auto add = [&](const std::string& name, const std::function<void(Case&)>& change) {
    cases.push_back(make_case(name, ElementType::uint8, change));
  };
  add("batch_1", [](Case& c) { c.options.batch_size = 1; });
  add("batch_3", [](Case& c) { c.options.batch_size = 3; });  // fewer than 4 ranks
  add("batch_larger_than_the_data", [](Case& c) { c.options.batch_size = 1000; });
  // The workers of a node share out units, units and rows, and rows (sampled_gradient_active.cpp).
  for (const std::uint64_t batch_size : {10U, 90U, 300U}) {
    add("batch_" + std::to_string(batch_size) + "_of_90_columns", [&](Case& c) {
      c.rows = 310;
      c.columns = 90;
      c.options.batch_size = batch_size;
    });
  }
  add("one_row", [](Case& c) { c.rows = c.validation_rows = 1; });
  add("schedules", [](Case& c) {
    c.options.learning_rate = Schedule::parse("1:0.3, 2:0.01");
    c.options.momentum = Schedule::parse("1:0.5, 3:0.95");
    c.options.weight_cost = Schedule::parse("1:0.02, 3:0");
  });
  for (const OptimizerEntry& entry : optimizers()) {
    add(fmt::format("{}_with_penalties", entry.name), [&](Case& c) {
      c.columns = 75;  // several groups of rows
      c.options.optimizer = entry.name;
      c.options.learning_rate = entry.usual_learning_rate;
      c.options.rate_decay = 0.7;
      c.options.weight_cost = 0.01;
      c.options.field_cost = 0.02;
      c.options.l1 = Schedule::parse("1:0.003, 2:0");
      c.options.clip_gradient = Schedule::parse("1:0.2, 3:0.1");
    });
  }
  for (const std::uint64_t updates : {1U, 8U, 10U}) {
    add(fmt::format("{}_updates", updates), [&](Case& c) {
      c.options.updates = updates;
      c.validation_rows = 20;
    });
  }
  add("exact_likelihood", [](Case& c) {
    c.options.evaluate_every = 2;
    c.validation_rows = 20;
  });
  for (const EarlyStop rule : {EarlyStop::gap, EarlyStop::pseudo_likelihood}) {
    add(rule == EarlyStop::gap ? "early_stop_by_gap" : "early_stop_by_pseudo_likelihood", [&](Case& c) {
      c.options.early_stop = rule;
      c.options.patience = 2;
      c.options.epochs = 40;
      c.options.learning_rate = 0.5;
      c.validation_rows = 100;
    });
  }
  add("means", [](Case& c) { c.options.visible_bias_init = VisibleBiasInit::data; });
  add("large_weights", [](Case& c) {
    c.options.weight_init = 3;
    c.options.learning_rate = 20.0;
    c.validation_rows = 10;
  });
  add("more_validation_than_training", [](Case& c) { c.validation_rows = 600; });
  add("batch_of_several_parts", [](Case& c) { many_rows(c, 4500, 4096); });
  add("wide", [](Case& c) { many_rows(c, 9000, 5000); });
  add("wide_unsampled", [](Case& c) {
    many_rows(c, 9000, 8000);
    c.type = ElementType::float32;
    c.options.sample_data = false;
  });
  add("wide_for_few_rows", [](Case& c) { c.options.batch_size = 100000; });
  add("one_unit_each", [](Case& c) { c.columns = c.options.hidden = 1; });
  add("whole_words_of_states", [](Case& c) {
    c.columns = 128;
    c.options.hidden = 64;
  });
  add("several_panels_of_the_gradient", [](Case& c) {
    c.columns = 599;
    c.options.hidden = 70;
    c.options.epochs = 2;
  });
  add("several_pieces_of_the_exchange", [](Case& c) {
    c.rows = 30;
    c.columns = 600;
    c.options.hidden = 500;
    c.options.epochs = 1;
  });
  add("several_blocks_of_rows", [](Case& c) {
    c.rows = 701;
    c.options.batch_size = 600;
  });
  add_chains(cases);
  return cases;
}

/// What a run gives, as far as it must not depend on ranks and threads.
struct Outcome {
  std::string digest;
  std::vector<double> figures;
  std::vector<std::byte> state;  ///< on the root: all chains and offsets, in the end

  void add(const EpochMetrics& m) {
    for (const std::uint64_t number : {std::uint64_t{m.layer}, m.epoch, m.step, m.samples}) {
      figures.push_back(static_cast<double>(number));
    }
    // One that does not exist, the standard error of a single row, is no number, and no number equals another such.
    for (const Figure& figure : m.figures) figures.push_back(std::isnan(figure.value) ? -1 : figure.value);
  }
  void keep_arrays(const TrainingState& whole) {
    state.clear();
    for (const StateArray& array : whole.arrays) state.insert(state.end(), array.values.begin(), array.values.end());
  }
  void add_best(const TrainingState& state) {
    figures.push_back(static_cast<double>(state.progress.best_epoch));
    figures.push_back(state.progress.best_figure);
    figures.push_back(double{state.parameters.front()});
  }
};

Outcome train(const Case& c, const Communicator& world) {
  const CaseData of_case(c);
  Outcome outcome;
  TrainingEvents events;
  events.epoch = [&](const EpochMetrics& m) {
    EXPECT_EQ(m.figure("validation_free_energy").has_value(), c.validation_rows > 0);
    outcome.add(m);
  };
  events.best = [&](const TrainingState& state) { outcome.add_best(state); };
  events.checkpoint = [&](const TrainingState& state, bool) { outcome.keep_arrays(state); };
  const TrainingResult result = train_rbm(c.options, of_case.data, world, events);
  outcome.digest = world.broadcast(model_digest(std::span(&result.rbm, 1)));
  return outcome;
}

class TrainerTest : public testing::TestWithParam<Case> {
 protected:
  void TearDown() override { use_threads(1); }
  Communicator world_ = Communicator::world();
};

INSTANTIATE_TEST_SUITE_P(Cases, TrainerTest, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.name; });

/// How a model is trained, which must not show in it.
struct Way {
  Engine engine;
  Exchange exchange;
  int ranks_per_node;
  int threads;
};

void PrintTo(const Way& way, std::ostream* stream) {
  constexpr const char* engines[] = {"auto", "blas", "active"};
  constexpr const char* exchanges[] = {"auto", "shared", "allreduce"};
  *stream << "engine " << engines[static_cast<int>(way.engine)] << ", exchange "
          << exchanges[static_cast<int>(way.exchange)] << ", " << way.ranks_per_node << " ranks per node, "
          << way.threads << " threads";
}

/// Ways that are open to a case, on any number of ranks: a node of all ranks, nodes of one and of two ranks (of which 3
/// ranks make unequal ones), no node at all.
std::vector<Way> ways(const Case& c) {
  std::vector<Way> ways = {{Engine::blas, Exchange::shared, 0, 1},      {Engine::blas, Exchange::allreduce, 0, 2},
                           {Engine::blas, Exchange::automatic, 2, 3},   {Engine::automatic, Exchange::automatic, 0, 2},
                           {Engine::active, Exchange::shared, 0, 1},    {Engine::active, Exchange::shared, 1, 2},
                           {Engine::active, Exchange::automatic, 2, 2}, {Engine::active, Exchange::allreduce, 2, 3}};
  const bool has_states = c.options.sample_data && c.options.reconstruction == UnitValues::states;
  if (!has_states) std::erase_if(ways, [](const Way& way) { return way.engine == Engine::active; });
  return ways;
}

/// The same case in another way; it takes effect on the threads at once.
Case take(const Way& way, Case c) {
  use_threads(way.threads);
  c.options.engine = way.engine;
  c.options.exchange = way.exchange;
  c.options.ranks_per_node = way.ranks_per_node;
  return c;
}

TEST_P(TrainerTest, TheModelDoesNotDependOnTheWay) {
  const Outcome alone = train(take({Engine::blas, Exchange::allreduce, 0, 1}, GetParam()), Communicator());
  for (const Way& way : ways(GetParam())) {
    const Outcome together = train(take(way, GetParam()), world_);
    EXPECT_EQ(together.digest, alone.digest) << world_.size() << " ranks, " << testing::PrintToString(way);
    EXPECT_EQ(together.figures, alone.figures) << world_.size() << " ranks, " << testing::PrintToString(way);
    EXPECT_EQ(alone.state.empty(),
              GetParam().options.estimator == "cd" && GetParam().options.centring != CentringOffsets::sliding);
    if (world_.is_root()) {
      EXPECT_TRUE(together.state == alone.state) << world_.size() << " ranks, " << testing::PrintToString(way);
    }
  }
}

class TrainingTest : public testing::Test {
 protected:
  Communicator world_ = Communicator::world();
  Case case_ = make_case("", ElementType::uint8);
};

TEST_F(TrainingTest, WhatOptimizersRememberDoesNotDependOnTheWay) {
  const test::RandomSamples samples(ElementType::uint8, 47, 599);  // several panels
  case_.options.hidden = 70;
  case_.options.epochs = 1;
  for (const OptimizerEntry& entry : optimizers()) {
    case_.options.optimizer = entry.name;
    case_.options.learning_rate = entry.usual_learning_rate;
    const auto memory_of = [&](const Way& way, const Communicator& world) {
      std::vector<std::vector<Real>> memory;
      TrainingEvents events;
      events.checkpoint = [&](const TrainingState& state, bool) {
        for (const OptimizerMemory& part : state.optimizer) memory.emplace_back(part.values.begin(), part.values.end());
      };
      (void)train_rbm(take(way, case_).options, {samples.view(), {}}, world, events);
      return memory;
    };
    const auto alone = memory_of({Engine::blas, Exchange::allreduce, 0, 1}, Communicator());
    ASSERT_FALSE(alone.empty());
    for (const Way& way : ways(case_)) {
      EXPECT_EQ(memory_of(way, world_), alone) << entry.name << ", " << testing::PrintToString(way);
    }
  }
  use_threads(1);
}

TEST_F(TrainingTest, OptionsAndDataChangeTheModel) {
  const std::string digest = train(case_, world_).digest;
  const auto differs = [&](const std::function<void(Case&)>& change) {
    Case changed = case_;
    change(changed);
    EXPECT_NE(train(changed, world_).digest, digest);
  };
  EXPECT_EQ(train(case_, world_).digest, digest);
  differs([](Case& c) { c.options.seed = 2; });
  differs([](Case& c) { c.options.shuffle = false; });
  differs([](Case& c) { c.options.sample_data = false; });
  differs([](Case& c) { c.options.batch_size = 11; });
  differs([](Case& c) { c.options.momentum = 0.8; });
  differs([](Case& c) { c.options.weight_cost = 0.001; });
  differs([](Case& c) { c.options.rate_decay = 0.9; });
  differs([](Case& c) { c.options.field_cost = 0.001; });
  differs([](Case& c) { c.options.l1 = 0.001; });
  differs([](Case& c) { c.options.clip_gradient = 0.1; });
  differs([](Case& c) { c.options.visible_bias_init = VisibleBiasInit::data; });
  differs([](Case& c) { c.options.arithmetic = Arithmetic::plain; });
  differs([](Case& c) { c.rows = 46; });
  differs([](Case& c) { c.weighted = true; });
}

TEST_F(TrainingTest, RowsOfWeightZeroCountNothing) {
  for (const char* estimator : {"cd", "pcd"}) {
    case_.options.estimator = estimator;
    case_.options.visible_bias_init = VisibleBiasInit::data;
    case_.options.chains_from = std::string(estimator) == "pcd" ? ChainsFrom::data : ChainsFrom::fields;
    const test::RandomSamples some(case_.type, case_.rows, case_.columns, 1);
    const test::RandomSamples others(case_.type, case_.rows, case_.columns, 2);
    std::vector<std::byte> mixed(some.view().values, some.view().row(case_.rows));
    std::vector<float> weights(case_.rows);
    for (std::uint64_t row = 0; row < case_.rows; ++row) {
      weights[row] = row % 3 == 0 || row < 20 ? 0.0F : 0.1F * static_cast<float>(row % 7 + 1);
      if (weights[row] == 0)
        std::copy_n(others.view().row(row), some.view().row_bytes(), &mixed[row * some.view().row_bytes()]);
    }
    Samples mixture = some.view();
    mixture.values = mixed.data();
    // In order, so that whole batches have no weight.
    for (const bool shuffle : {false, true}) {
      case_.options.shuffle = shuffle;
      const auto digest = [&](const Samples& samples) {
        // Validation compares with training rows that count; the first ones do not.
        const TrainingData data{weighted(samples, weights), some.view().part(30, 10)};
        const TrainingResult result = train_rbm(case_.options, data, world_);
        return world_.broadcast(model_digest(std::span(&result.rbm, 1)));
      };
      EXPECT_EQ(digest(mixture), digest(some.view())) << estimator << ", shuffle " << shuffle;
    }
  }
}

TEST_F(TrainingTest, WeightsThatAreAllAlikeAreNone) {
  const test::RandomSamples samples(case_.type, case_.rows, case_.columns, 1);
  const std::vector<float> weights(case_.rows, 0.37F);
  const TrainingResult result = train_rbm(case_.options, {weighted(samples.view(), weights), {}}, world_);
  EXPECT_EQ(world_.broadcast(model_digest(std::span(&result.rbm, 1))), train(case_, world_).digest);
}

TEST_F(TrainingTest, ValidationDoesNotTouchTheModel) {
  Case validated = case_;
  validated.validation_rows = 20;
  EXPECT_EQ(train(validated, world_).digest, train(case_, world_).digest);
}

TEST_F(TrainingTest, PlainArithmeticRepeatsAtTheSameLayout) {
  case_.options.arithmetic = Arithmetic::plain;
  case_.validation_rows = 20;
  for (const Way& way : {Way{Engine::blas, Exchange::shared, 0, 1}, Way{Engine::automatic, Exchange::automatic, 2, 2},
                         Way{Engine::blas, Exchange::allreduce, 0, 2}}) {
    const Case c = take(way, case_);
    const Outcome first = train(c, world_);
    const Outcome second = train(c, world_);
    EXPECT_EQ(second.digest, first.digest) << testing::PrintToString(way);
    EXPECT_EQ(second.figures, first.figures) << testing::PrintToString(way);
    EXPECT_EQ(world_.broadcast(first.digest), first.digest) << testing::PrintToString(way);
  }
  use_threads(1);
}

TEST_F(TrainingTest, PlainArithmeticIsClose) {
  case_.options.epochs = 1;
  const Outcome exact = train(case_, world_);
  case_.options.arithmetic = Arithmetic::plain;
  const Outcome plain = train(case_, world_);
  ASSERT_EQ(plain.figures.size(), exact.figures.size());
  EXPECT_NEAR(plain.figures.back(), exact.figures.back(), 0.01);
}

TEST_F(TrainingTest, EventsTellTheWay) {
  const test::RandomSamples samples(ElementType::uint8, 47, 19);
  std::vector<std::uint64_t> rows;
  std::vector<std::uint64_t> steps;
  TrainingEvents events;
  events.step = [&](const StepProgress& progress) {
    rows.push_back(progress.samples);
    EXPECT_EQ(progress.epoch_samples, 47U);
    EXPECT_EQ(progress.epochs, 3U);
  };
  events.epoch = [&](const EpochMetrics& metrics) {
    steps.push_back(metrics.step);
    EXPECT_EQ(metrics.samples, 47U);
    EXPECT_GT(metrics.seconds, 0);
    EXPECT_GT(metrics.figure("reconstruction_mse"), 0);
    EXPECT_LT(metrics.figure("reconstruction_mse"), 1);
  };
  const TrainingResult result = train_rbm(case_.options, {samples.view(), {}}, world_, events);
  EXPECT_EQ(rows, (std::vector<std::uint64_t>{10, 20, 30, 40, 47, 10, 20, 30, 40, 47, 10, 20, 30, 40, 47}));
  EXPECT_EQ(steps, (std::vector<std::uint64_t>{5, 10, 15}));
  double seconds = 0;
  for (const double phase : result.time_split) {
    EXPECT_GE(phase, 0);
    seconds += phase;
  }
  EXPECT_GT(seconds, 0);
}

TEST_F(TrainingTest, ADivergedRunEndsOnAllRanksAlike) {
  for (const auto& [arithmetic, engine, exchange] : {std::tuple(Arithmetic::exact, Engine::active, Exchange::shared),
                                                     {Arithmetic::exact, Engine::blas, Exchange::allreduce},
                                                     {Arithmetic::plain, Engine::blas, Exchange::shared},
                                                     {Arithmetic::plain, Engine::blas, Exchange::allreduce}}) {
    case_.options.arithmetic = arithmetic;
    case_.options.engine = engine;
    case_.options.exchange = exchange;
    case_.options.learning_rate = Schedule::parse("1:0.1, 2:1e38");
    const auto expect_agreed = [&] {
      try {
        (void)train(case_, world_);
      } catch (const AgreedError& error) {
        EXPECT_EQ(error.what(), world_.broadcast(error.what()));
        throw;
      }
    };
    test::expect_error(Failure::diverged, {"no longer finite", "epoch 2", "learning-rate = 1e+38"}, expect_agreed);
  }
}

TEST_F(TrainingTest, UnequalNumbersOfThreadsAreRefusedOnAllRanks) {
  if (world_.size() == 1) return;
  use_threads(world_.is_root() ? 2 : 1);
  test::expect_error(Failure::usage, {"equally many threads"}, [&] { (void)train(case_, world_); });
  use_threads(1);
}

TEST_F(TrainingTest, WhatCannotBeTrainedIsRefusedOnAllRanks) {
  const test::RandomSamples samples(ElementType::uint8, 5, 4);
  const test::RandomSamples narrow(ElementType::uint8, 5, 3);
  const auto refused = [&](Failure failure, const std::vector<std::string>& fragments, const TrainingData& data) {
    test::expect_error(failure, fragments, [&] {
      try {
        (void)train_rbm(case_.options, data, world_);
      } catch (const AgreedError&) {
        throw;
      } catch (const Error& error) {
        ADD_FAILURE() << "not agreed upon: " << error.what();
      }
    });
  };
  refused(Failure::file, {"no rows"}, {samples.view().part(0, 0), {}});
  refused(Failure::file, {"3 columns", "4"}, {samples.view(), narrow.view()});
  std::vector<float> weights(5);
  refused(Failure::file, {"5 rows have weight 0"}, {weighted(samples.view(), weights), {}});
  weights = {1, 1, 1, 1, 1};
  refused(Failure::file, {"3 rows have weight 0 (rows 2 to 4"},
          {weighted(samples.view(), weights).part(0, 2), weighted(samples.view(), std::vector<float>(5)).part(2, 3)});
  const test::RandomSamples many(ElementType::uint8, 100000, 1);
  std::vector<float> uneven(100000, 1e-6F);
  uneven[7] = 1;
  case_.options.batch_size = 1000;
  refused(Failure::file, {"90909.2 times their mean; less than 2048 times", "arithmetic = plain"},
          {weighted(many.view(), uneven), {}});
  case_.options.exchange = Exchange::shared;
  case_.options.ranks_per_node = world_.size() - 1;
  if (world_.size() > 2) refused(Failure::usage, {"exchange = shared", "equally many"}, {samples.view(), {}});
  // Options that only one rank got wrong.
  if (world_.rank() == world_.size() - 1) case_.options.hidden = 0;
  refused(Failure::usage, {"hidden = 0"}, {samples.view(), {}});
}

TEST(MetricsTest, AreOneObjectALine) {
  EpochMetrics metrics{.layer = 0,
                       .epoch = 2,
                       .step = 840,
                       .samples = 42000,
                       .seconds = 1.5,
                       .samples_per_second = 28000,
                       .figures = {{"reconstruction_mse", 0.0179}}};
  EXPECT_EQ(to_json(metrics),
            R"({"layer":0,"epoch":2,"step":840,"samples":42000,"seconds":1.5,"samples_per_second":28000.0,)"
            R"("reconstruction_mse":0.0179})");
  metrics.figures.push_back({"log_z", 50.5});
  EXPECT_TRUE(to_json(metrics).ends_with(R"("reconstruction_mse":0.0179,"log_z":50.5})")) << to_json(metrics);
  EXPECT_EQ(metrics.figure("log_z"), 50.5);
  EXPECT_FALSE(metrics.figure("log").has_value());
}

TEST_F(TrainingTest, FiguresHaveTheNamesOfMetrics) {
  const test::RandomSamples samples(ElementType::uint8, 47, 19);
  case_.options.evaluate_every = 1;
  std::vector<std::string> names;
  TrainingEvents events;
  events.epoch = [&](const EpochMetrics& metrics) {
    names.clear();
    for (const Figure& figure : metrics.figures) names.push_back(figure.name);
    const double gap =
        metrics.figure("validation_free_energy").value() - metrics.figure("training_free_energy").value();
    EXPECT_EQ(metrics.figure("free_energy_gap"), gap);
  };
  (void)train_rbm(case_.options, {samples.view(), samples.view()}, world_, events);
  EXPECT_EQ(names,
            (std::vector<std::string>{"reconstruction_mse", "validation_reconstruction_mse", "training_free_energy",
                                      "validation_free_energy", "free_energy_gap", "free_energy_gap_standard_error",
                                      "validation_pseudo_likelihood", "log_z", "log_z_standard_error",
                                      "training_log_likelihood", "validation_log_likelihood"}));
}

/// Trains with a stop after each step for which `stops` says so, wished for by `rank`, and goes on each time from what
/// was kept, in the next of the ways. Only the root gives the start.
Outcome train_in_parts(const Case& c, const Communicator& world, int rank,
                       const std::function<bool(std::uint64_t)>& stops) {
  const CaseData of_case(c);
  Outcome outcome;
  const std::vector<Way> all_ways = ways(c);
  std::size_t next_way = 0;
  std::optional<SavedState> start;
  for (bool finished = false; !finished;) {
    const Case this_way = take(all_ways[next_way++ % all_ways.size()], c);
    std::optional<SavedState> kept;
    TrainingEvents events;
    events.wishes = [&](const TrainingProgress& progress) {
      return StepWishes{.stop = world.rank() == rank && stops(progress.steps + 1)};
    };
    events.checkpoint = [&](const TrainingState& state, bool) {
      if (world.is_root()) kept = test::saved(state);
      outcome.keep_arrays(state);
    };
    events.epoch = [&](const EpochMetrics& m) { outcome.add(m); };
    events.best = [&](const TrainingState& state) { outcome.add_best(state); };
    const TrainingResult result = train_rbm(this_way.options, of_case.data, world, events, std::move(start));
    finished = result.finished;
    EXPECT_EQ(kept.has_value(), world.is_root());
    if (kept) {
      EXPECT_EQ(kept->progress, result.progress);
    }
    start = std::move(kept);
    outcome.digest = world.broadcast(model_digest(std::span(&result.rbm, 1)));
  }
  return outcome;
}

TEST_P(TrainerTest, StoppedAndResumedIsTheSameAsUndisturbed) {
  const Case& c = GetParam();
  const Outcome whole = train(c, world_);
  const int last = world_.size() - 1;
  for (const auto& [name, stops] :
       {std::pair("once", std::function<bool(std::uint64_t)>([](std::uint64_t step) { return step == 3; })),
        std::pair("at every step", std::function<bool(std::uint64_t)>([](std::uint64_t) { return true; })),
        std::pair("now and then",
                  std::function<bool(std::uint64_t)>([](std::uint64_t step) { return step % 7 == 5; }))}) {
    if (c.options.epochs * (c.rows / c.options.batch_size + 1) > 200 && std::string(name) == "at every step") continue;
    const Outcome parts = train_in_parts(c, world_, last, stops);
    EXPECT_EQ(parts.digest, whole.digest) << name;
    EXPECT_EQ(parts.figures, whole.figures) << name;
    EXPECT_TRUE(parts.state == whole.state) << name;
  }
}

TEST_F(TrainingTest, AFinishedTrainingGoesOnToMoreEpochs) {
  const test::RandomSamples samples(ElementType::uint8, 47, 19);
  std::optional<SavedState> kept;
  TrainingEvents events;
  events.checkpoint = [&](const TrainingState& state, bool) { kept = test::saved(state); };
  case_.options.epochs = 2;
  const TrainingResult two = train_rbm(case_.options, {samples.view(), {}}, world_, events);
  EXPECT_TRUE(two.finished);
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(kept->progress, (TrainingProgress{.epoch = 3, .steps = 10}));
  case_.options.epochs = 3;
  const TrainingResult more = train_rbm(case_.options, {samples.view(), {}}, world_, {}, std::move(kept));
  const TrainingResult three = train_rbm(case_.options, {samples.view(), {}}, world_);
  EXPECT_EQ(model_digest(std::span(&more.rbm, 1)), model_digest(std::span(&three.rbm, 1)));
  EXPECT_EQ(three.rbm.shape().visible, world_.is_root() ? 19U : 0U);
}

TEST_F(TrainingTest, UpdatesEndInTheMiddleOfAnEpochAndGoOn) {
  const test::RandomSamples samples(ElementType::uint8, 47, 19);
  const test::RandomSamples validation(ElementType::uint8, 20, 19, 2);
  const TrainingData data{samples.view(), validation.view()};
  struct Line {
    std::uint64_t epoch, step, rows;
    std::vector<Figure> figures;
    bool operator==(const Line&) const = default;
  };
  std::vector<Line> lines;
  std::optional<SavedState> kept;
  StepProgress last_step;
  TrainingEvents events;
  events.checkpoint = [&](const TrainingState& state, bool) { kept = test::saved(state); };
  events.step = [&](const StepProgress& step) { last_step = step; };
  events.epoch = [&](const EpochMetrics& m) { lines.push_back({m.epoch, m.step, m.samples, m.figures}); };
  const auto digest_of = [](const TrainingResult& result) { return model_digest(std::span(&result.rbm, 1)); };
  case_.options.early_stop = EarlyStop::pseudo_likelihood;
  case_.options.patience = 100;

  // 5 steps an epoch: 13 in one go.
  case_.options.updates = 13;
  const TrainingResult whole = train_rbm(case_.options, data, world_, events);
  EXPECT_TRUE(whole.finished);
  EXPECT_EQ(last_step.epochs, 3U);
  EXPECT_EQ(last_step.all_samples, 2 * 47 + 30);
  const std::vector<Line> whole_lines = lines;
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[2].step, 13U);
  EXPECT_EQ(lines[2].rows, 30U);
  EXPECT_EQ(whole.progress.epoch, 3U);
  EXPECT_EQ(whole.progress.epoch_rows, 30U);
  EXPECT_EQ(whole.progress.reported_rows, 30U);
  EXPECT_LE(whole.progress.best_epoch, 2U);

  // Again nothing is done; to the end of the epoch it is as if epochs had been asked for.
  std::optional<SavedState> start = std::move(kept);
  const TrainingResult again = train_rbm(case_.options, data, world_, events, std::move(start));
  EXPECT_EQ(lines.size(), 3U);
  EXPECT_NEAR(again.progress.epoch_seconds, whole.progress.epoch_seconds, 60);
  TrainingProgress same = again.progress;
  same.epoch_seconds = whole.progress.epoch_seconds;
  EXPECT_EQ(same, whole.progress);
  start = std::move(kept);
  case_.options.updates = 15;
  const TrainingResult three = train_rbm(case_.options, data, world_, events, std::move(start));
  case_.options.updates = 0;
  lines.clear();
  const TrainingResult by_epochs = train_rbm(case_.options, data, world_, events);
  EXPECT_EQ(digest_of(three), digest_of(by_epochs));
  EXPECT_EQ(three.progress.epoch, 4U);
  EXPECT_EQ(three.progress.epoch_rows, 0U);
  EXPECT_EQ(three.progress.best_epoch, by_epochs.progress.best_epoch);
  EXPECT_EQ(three.progress.best_figure, by_epochs.progress.best_figure);

  // 3, then 7, then 13: the parts of epochs that were reported come again.
  lines.clear();
  start.reset();
  for (const std::uint64_t updates : {3U, 7U, 13U}) {
    case_.options.updates = updates;
    const TrainingResult parts = train_rbm(case_.options, data, world_, events, std::move(start));
    start = std::move(kept);
    if (updates < 13) continue;
    EXPECT_EQ(digest_of(parts), digest_of(whole));
    EXPECT_EQ(parts.progress.best_figure, whole.progress.best_figure);
  }
  ASSERT_EQ(lines.size(), 5U);
  lines.erase(lines.begin() + 2);
  lines.erase(lines.begin());
  EXPECT_EQ(lines, whole_lines);

  case_.options.updates = 12;
  test::expect_error(Failure::file, {"the start has done 13 steps of layer 0", "12 updates"},
                     [&] { (void)train_rbm(case_.options, data, world_, {}, std::move(start)); });
}

TEST_F(TrainingTest, EarlyStoppingEndsWithPatienceAndGoesOnWithMore) {
  const test::RandomSamples training(ElementType::uint8, 47, 19, 1);
  const test::RandomSamples validation(ElementType::uint8, 100, 19, 2);
  const TrainingData data{training.view(), validation.view()};
  for (const EarlyStop rule : {EarlyStop::gap, EarlyStop::pseudo_likelihood}) {
    case_.options.early_stop = rule;
    case_.options.epochs = 40;
    case_.options.learning_rate = 0.5;
    case_.options.patience = 2;
    std::vector<double> figures;  // of each epoch: the higher, the better
    std::uint64_t best = 0;
    std::optional<SavedState> kept;
    TrainingEvents events;
    events.epoch = [&](const EpochMetrics& m) {
      figures.push_back(rule == EarlyStop::gap ? -m.figure("free_energy_gap").value()
                                               : m.figure("validation_pseudo_likelihood").value());
    };
    events.best = [&](const TrainingState& state) {
      best = state.progress.epoch;
      EXPECT_EQ(state.progress.best_epoch, best);
      EXPECT_EQ(best, figures.size());
    };
    events.checkpoint = [&](const TrainingState& state, bool) { kept = test::saved(state); };
    const TrainingResult result = train_rbm(case_.options, data, world_, events);
    EXPECT_TRUE(result.finished);
    EXPECT_TRUE(stopped_early(case_.options.patience, result.progress));
    EXPECT_LT(figures.size(), 40U);
    EXPECT_EQ(figures.size(), best + 2);
    EXPECT_EQ(result.progress.best_epoch, best);
    EXPECT_EQ(result.progress.epoch, best + 3);
    if (rule == EarlyStop::pseudo_likelihood) {
      EXPECT_EQ(std::max_element(figures.begin(), figures.end()) - figures.begin() + 1, std::ptrdiff_t(best));
    }
    // The same again does nothing; with more patience it goes on where it was.
    ASSERT_TRUE(kept.has_value());
    const std::size_t epochs = figures.size();
    TrainingOptions patient = case_.options;
    patient.patience = 4;
    const TrainingResult again = train_rbm(case_.options, data, world_, events, std::move(kept));
    EXPECT_EQ(figures.size(), epochs);
    ASSERT_TRUE(kept.has_value());
    (void)train_rbm(patient, data, world_, events, std::move(kept));
    EXPECT_GE(figures.size(), epochs + 2);
    EXPECT_EQ(again.progress, result.progress);
  }
}

TEST_F(TrainingTest, LikelihoodIsMeasuredAfterEachSoManyEpochs) {
  const test::RandomSamples training(ElementType::uint8, 47, 30, 1);
  for (const std::size_t hidden : {13U, 30U}) {  // exactly, and by annealed importance sampling
    case_.options.hidden = hidden;
    case_.options.epochs = hidden == 13 ? 5 : 2;
    case_.options.evaluate_every = 2;
    std::vector<std::uint64_t> epochs;
    TrainingEvents events;
    events.epoch = [&](const EpochMetrics& m) {
      if (!m.figure("log_z")) return;
      epochs.push_back(m.epoch);
      EXPECT_EQ(m.figure("log_z_standard_error") == 0, hidden == 13);
      EXPECT_FALSE(m.figure("validation_log_likelihood").has_value());
      EXPECT_GT(m.figure("training_log_likelihood"), -30);
      EXPECT_LT(m.figure("training_log_likelihood"), -10);
    };
    (void)train_rbm(case_.options, {training.view(), {}}, world_, events);
    EXPECT_EQ(epochs, hidden == 13 ? (std::vector<std::uint64_t>{2, 4}) : (std::vector<std::uint64_t>{2}));
  }
}

TEST_F(TrainingTest, EarlyStoppingWantsValidation) {
  const test::RandomSamples samples(ElementType::uint8, 47, 19);
  case_.options.early_stop = EarlyStop::gap;
  test::expect_error(Failure::usage, {"early-stop"}, [&] {
    (void)train_rbm(case_.options, {samples.view(), {}}, world_);
  });
}

TEST_F(TrainingTest, CheckpointsAreKeptWhenAnyRankWishes) {
  const test::RandomSamples samples(ElementType::uint8, 47, 19);
  for (int rank = 0; rank < world_.size(); ++rank) {
    std::vector<std::uint64_t> steps;
    std::vector<std::uint64_t> states;
    TrainingEvents events;
    events.wishes = [&](const TrainingProgress& progress) {
      return StepWishes{.checkpoint = world_.rank() == rank && progress.steps % 4 == 3};
    };
    events.checkpoint = [&](const TrainingState& state, bool) { steps.push_back(state.progress.steps); };
    events.state = [&](const TrainingState& state) { states.push_back(state.progress.steps); };
    EXPECT_TRUE(train_rbm(case_.options, {samples.view(), {}}, world_, events).finished);
    EXPECT_EQ(steps, (std::vector<std::uint64_t>{4, 8, 12, 15}));
    EXPECT_EQ(states, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}));
  }
}

TEST_F(TrainingTest, AStartThatDoesNotFitIsRefusedOnAllRanks) {
  const test::RandomSamples samples(ElementType::uint8, 47, 19);
  std::optional<SavedState> kept;
  TrainingEvents events;
  events.checkpoint = [&](const TrainingState& state, bool) { kept = test::saved(state); };
  (void)train_rbm(case_.options, {samples.view(), {}}, world_, events);
  const auto refused = [&](const std::string& why, const std::function<void(SavedState&)>& change) {
    std::optional<SavedState> start;
    if (world_.is_root()) {
      start = test::saved({kept->parameters.span(),
                           std::vector<OptimizerMemory>{{"velocity", kept->optimizer[0].values.span()}}, kept->progress,
                           kept->layout});
      change(*start);
    }
    test::expect_error(Failure::file, {"the start", why}, [&] {
      (void)train_rbm(case_.options, {samples.view(), {}}, world_, {}, std::move(start));
    });
  };
  refused("parameters", [](SavedState& start) { start.parameters = AlignedBuffer<Real>(5); });
  refused("another shape: none is told", [](SavedState& start) { start.layout = {}; });
  // Equally many parameters, but of an RBM whose layers are swapped.
  const std::size_t hidden = case_.options.hidden;
  refused(fmt::format("another shape: /layer_0/weights {} x 19, /layer_0/visible_bias {},", hidden, hidden),
          [&](SavedState& start) {
            start.layout = rbm_layout({hidden, 19});
          });
  refused("'velocity' of the right size", [](SavedState& start) { start.optimizer[0].rows = 7; });
  refused("layer 1", [](SavedState& start) { start.progress.layer = 1; });
  refused("memory", [](SavedState& start) { start.optimizer.clear(); });
  refused("'velocity'", [](SavedState& start) { start.optimizer[0].name = "speed"; });
  refused("right size", [](SavedState& start) { start.optimizer[0].values = AlignedBuffer<Real>(3); });
  refused("epoch 0", [](SavedState& start) { start.progress.epoch = 0; });
  refused("epoch 5", [](SavedState& start) { start.progress.epoch = 5; });
  refused("48 rows", [](SavedState& start) { start.progress.epoch_rows = 48; });
}

TEST_F(TrainingTest, ARankThatGoesItsOwnWayIsFound) {
  Rbm rbm({4, 3});
  AlignedBuffer<Real> velocity(rbm.shape().parameters());
  const std::vector<OptimizerMemory> memory = {{"velocity", velocity.span()}};
  const TrainingProgress progress{.epoch = 2, .steps = 17};
  const ParameterLayout layout = rbm_layout(rbm.shape());
  const TrainingState state{rbm.parameters(), memory, progress, layout};
  // What is shared out differs, what is replicated must not.
  std::vector<std::byte> chains(3, static_cast<std::byte>(world_.rank()));
  std::vector<Real> means(8);
  const std::vector<StateArray> arrays = {
      {.name = "chains", .rows = 3, .values = chains, .is_shared_out = true},
      {.name = "means", .type = ElementType::float32, .rows = 8, .values = std::as_writable_bytes(std::span(means))}};
  EXPECT_NO_THROW(check_replicas(state, arrays, world_, Communicator()));
  if (world_.size() == 1) return;
  for (int rank = 1; rank < world_.size(); ++rank) {
    for (Real* const value : {&rbm.parameters()[0], &rbm.parameters().back(), &velocity.span()[5], &means.back()}) {
      if (world_.rank() == rank) *value = -0.0F;  // compares equal to zero, but is other bits
      test::expect_error(Failure::other, {"rank " + std::to_string(rank), "epoch 2", "step 17"},
                         [&] { check_replicas(state, arrays, world_, Communicator()); });
      *value = 0;
    }
  }
}

}  // namespace
}  // namespace rbmpi
