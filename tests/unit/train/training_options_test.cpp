#include "rbmpi/train/training_options.hpp"

#include <functional>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/gradient_estimator.hpp"
#include "rbmpi/train/optimize.hpp"
#include "rbmpi/train/trainer.hpp"
#include "support/expect_error.hpp"
#include "train/rbm_gradient.hpp"

namespace rbmpi {
namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(TrainingOptionsTest, TheDefaultsAreThoseOfTheDesign) {
  const TrainingOptions options;
  EXPECT_NO_THROW(check_options(options));
  EXPECT_EQ(options.batch_size, 100U);
  EXPECT_EQ(options.epochs, 10U);
  EXPECT_EQ(options.learning_rate.at(1), 0.1);
  EXPECT_EQ(options.momentum.at(1), 0.9);
  EXPECT_EQ(options.weight_cost.at(1), 0.0);
  EXPECT_EQ(options.weight_init, 0.01);
  EXPECT_TRUE(options.shuffle);
  EXPECT_TRUE(options.sample_data);
  EXPECT_EQ(options.arithmetic, Arithmetic::exact);
  EXPECT_EQ(options.engine, Engine::automatic);
  EXPECT_EQ(options.exchange, Exchange::automatic);
  EXPECT_EQ(options.ranks_per_node, 0);
}

TEST(TrainingOptionsTest, EveryKeyOutOfRangeIsNamedWithItsValue) {
  const auto refused = [](const std::vector<std::string>& fragments,
                          const std::function<void(TrainingOptions&)>& spoil) {
    TrainingOptions options;
    spoil(options);
    test::expect_error(Failure::usage, fragments, [&] { check_options(options); });
  };
  refused({"hidden = 0", "from 1"}, [](auto& o) { o.hidden = 0; });
  refused({"epochs = 0", "at least 1"}, [](auto& o) { o.epochs = 0; });
  refused({"batch-size = 0", "from 1 to"}, [](auto& o) { o.batch_size = 0; });
  refused({"batch-size = 5000000000"}, [](auto& o) { o.batch_size = 5000000000; });
  for (const double value : {0.0, -0.1, not_a_number, infinity}) {
    refused({"learning-rate = ", "more than 0"}, [&](auto& o) { o.learning_rate = value; });
  }
  for (const double value : {-0.1, 1.0, 2.0, not_a_number}) {
    refused({"momentum = ", "0 or more and less than 1"}, [&](auto& o) { o.momentum = value; });
  }
  for (const double value : {-0.1, not_a_number, infinity}) {
    refused({"weight-cost = ", "0 or more"}, [&](auto& o) { o.weight_cost = value; });
    refused({"field-cost = ", "0 or more"}, [&](auto& o) { o.field_cost = value; });
    refused({"l1 = ", "0 or more"}, [&](auto& o) { o.l1 = value; });
    refused({"clip-gradient = ", "0 or more"}, [&](auto& o) { o.clip_gradient = value; });
    refused({"weight-init = ", "0 or more"}, [&](auto& o) { o.weight_init = value; });
  }
  refused({"momentum = 1:0.5, 6:1"}, [](auto& o) { o.momentum = Schedule::parse("1:0.5, 6:1"); });
  refused({"learning-rate = 1:0.1, 9:0"}, [](auto& o) { o.learning_rate = Schedule::parse("1:0.1, 9:0"); });
  refused({"estimator = ratio-matching", "cd, pcd"}, [](auto& o) { o.estimator = "ratio-matching"; });
  refused({"sweeps = 0", "from 1"}, [](auto& o) { o.sweeps = 0; });
  refused({"chains = 100", "estimator = pcd", "begin at the rows"}, [](auto& o) { o.chains = 100; });
  refused({"chains = 4294967296", "4294967295"}, [](auto& o) {
    o.estimator = "pcd";
    o.chains = std::uint64_t{1} << 32U;
  });
  refused({"chains-from = data", "estimator = pcd"}, [](auto& o) { o.chains_from = ChainsFrom::data; });
  refused({"chains-from = noise", "estimator = pcd"}, [](auto& o) { o.chains_from = ChainsFrom::noise; });
  refused({"reconstruction = means", "estimator = cd"}, [](auto& o) {
    o.estimator = "pcd";
    o.reconstruction = UnitValues::means;
  });
  refused({"engine = active", "reconstruction = states"}, [](auto& o) {
    o.engine = Engine::active;
    o.reconstruction = UnitValues::means;
  });
  refused({"optimizer = adagrad", "momentum, adam"}, [](auto& o) { o.optimizer = "adagrad"; });
  refused({"engine = active", "arithmetic = exact"}, [](auto& o) {
    o.engine = Engine::active;
    o.arithmetic = Arithmetic::plain;
  });
  refused({"engine = active", "sample-data = on"}, [](auto& o) {
    o.engine = Engine::active;
    o.sample_data = false;
  });
}

TEST(TrainingOptionsTest, WhereOnlyOneEngineCanTheOtherIsNotChosen) {
  for (const Engine engine : {Engine::automatic, Engine::blas}) {
    TrainingOptions options;
    options.engine = engine;
    options.arithmetic = Arithmetic::plain;
    EXPECT_NO_THROW(check_options(options));
    options.arithmetic = Arithmetic::exact;
    options.sample_data = false;
    EXPECT_NO_THROW(check_options(options));
  }
  TrainingOptions options;
  options.engine = Engine::active;
  EXPECT_NO_THROW(check_options(options));
}

TEST(TrainingOptionsTest, TheEndsOfTheRangesAreAllowed) {
  TrainingOptions options;
  options.hidden = 1;
  options.epochs = 1;
  options.batch_size = 1;
  options.momentum = 0.0;
  options.weight_init = 0.0;
  EXPECT_NO_THROW(check_options(options));
  options.batch_size = std::uint64_t{1} << 31;
  options.momentum = 0.999999;
  options.learning_rate = 1e-30;
  EXPECT_NO_THROW(check_options(options));
}

TEST(GradientEstimatorsTest, EveryRowOfTheTableIsWhole) {
  ASSERT_FALSE(gradient_estimators().empty());
  const Rbm rbm({4, 3});
  for (const GradientEstimatorEntry& entry : gradient_estimators()) {
    EXPECT_EQ(&gradient_estimator(entry.name), &entry);
    EXPECT_STRNE(entry.summary, "");
    for (const Engine engine : {Engine::blas, Engine::active}) {
      for (const std::size_t slots : {std::size_t{1}, std::size_t{3}}) {
        TrainingOptions options;
        options.engine = engine;
        options.estimator = entry.name;
        options.sweeps = 2;
        options.centring = CentringOffsets::sliding;
        const Rows data = Samples{.rows = 7, .columns = rbm.shape().visible};
        const NodeShare share{.node_rows = 5 * slots, .node_chains = 4 * slots, .slots = slots};
        const auto make = [&](Workspace& memory) {
          Couplings couplings(WeightRounding::two_grids, rbm.view().weights, 0, 1, memory);
          return entry.make({.rbm = rbm, .couplings = couplings, .data = data, .options = options, .share = share},
                            memory);
        };
        Workspace counted(ArenaUse::count);
        ASSERT_NE(make(counted), nullptr);
        Workspace memory;
        const auto made = make(memory);
        ASSERT_NE(made, nullptr);
        EXPECT_EQ(memory.node.taken(), counted.node.taken());
        EXPECT_EQ(memory.rank.taken(), counted.rank.taken());
        EXPECT_GT(counted.rank.taken(), 0U);
        EXPECT_GT(made->panel_rows(weights_array), 0U);
        EXPECT_EQ(made->panel_rows(weights_array) % rows_together, 0U);
      }
    }
  }
}

TEST(TrainingMemoryTest, FollowsTheSizes) {
  TrainingOptions options;
  options.hidden = 300;
  const std::uint64_t one = training_memory(options, 784, false, 1, 1);
  const std::uint64_t parameters = (784 * 300 + 784 + 300) * sizeof(Real);
  EXPECT_GT(one, 4 * parameters);  // parameters, two rounded copies, velocity
  EXPECT_LT(one, 6 * parameters);
  EXPECT_LT(training_memory(options, 784, false, 4, 4), one);
  EXPECT_GT(training_memory(options, 784, false, 4, 1), training_memory(options, 784, false, 4, 2));
  EXPECT_GT(training_memory(options, 784, true, 1, 1), one);
  options.arithmetic = Arithmetic::plain;
  EXPECT_LT(training_memory(options, 784, false, 1, 1), one);
  options.arithmetic = Arithmetic::exact;
  options.batch_size = 10000;
  EXPECT_GT(training_memory(options, 784, false, 1, 1), one + 2 * parameters);
}

TEST(TrainingMemoryTest, OfWeightedRowsIsEnoughForAnyWeights) {
  const Communicator alone;
  for (const std::uint64_t batch_size : {100U, 1000U, 6000U}) {
    TrainingOptions options;
    options.hidden = 300;
    options.engine = Engine::active;
    options.batch_size = batch_size;
    EXPECT_GT(training_memory(options, 784, false, 1, 1, true), training_memory(options, 784, false, 1, 1));
    std::vector<float> weights(batch_size, 1);
    Rows rows = Samples{.rows = batch_size, .columns = 784};
    rows.weights = weights.data();
    const TrainingData data{.training = rows, .validation = {}};
    for (const float largest : {1.5F, 3.0F, 40.0F, 300.0F, 5000.0F}) {
      weights.back() = largest;
      const RbmGradient gradient(options, data, alone);
      for (const auto& [ranks, on_node] : {std::pair(1, 1), {4, 4}, {4, 2}}) {
        EXPECT_LE(optimization_memory(gradient, options, batch_size, ranks, on_node),
                  training_memory(options, 784, false, ranks, on_node, true))
            << "batches of " << batch_size << ", weights up to " << largest << ", " << ranks << " ranks";
      }
    }
  }
}

TEST(TrainingMemoryTest, SharedParametersAreCountedOnce) {
  for (const Engine engine : {Engine::blas, Engine::active}) {
    TrainingOptions options;
    options.hidden = 300;
    options.engine = engine;
    constexpr std::uint64_t parameters = (784 * 300 + 784 + 300) * sizeof(Real);
    const auto memory = [&](Exchange exchange, int ranks, int ranks_on_node) {
      options.exchange = exchange;
      return training_memory(options, 784, false, ranks, ranks_on_node);
    };
    EXPECT_LT(memory(Exchange::shared, 2, 2), memory(Exchange::shared, 1, 1));
    // Without sharing: four copies instead of two.
    EXPECT_GE(memory(Exchange::allreduce, 2, 2), memory(Exchange::shared, 2, 2) + 2 * parameters);
    EXPECT_EQ(memory(Exchange::allreduce, 2, 2), memory(Exchange::allreduce, 2, 1));
    EXPECT_EQ(memory(Exchange::automatic, 2, 2), memory(Exchange::shared, 2, 2));
    // Of the sums to exchange each rank of a node has its share.
    EXPECT_LT(memory(Exchange::shared, 4, 2), memory(Exchange::shared, 4, 1) - 2 * parameters);
  }
}

TEST(TrainingMemoryTest, IsAtMostSixCopiesOfTheWeights) {
  for (const auto& [visible, hidden, batch_size, validation] :
       {std::tuple<std::uint64_t, std::size_t, std::uint64_t, bool>(784, 300, 100, false),
        {4096, 4096, 512, false},
        {4096, 4096, 512, true}}) {  // validation takes as many rows at a time for small shapes as for large ones
    for (const auto& [ranks, ranks_on_node] : {std::pair(1, 1), {2, 2}, {2, 1}, {4, 2}}) {
      for (const Engine engine : {Engine::blas, Engine::active}) {
        TrainingOptions options;
        options.hidden = hidden;
        options.batch_size = batch_size;
        options.engine = engine;
        const auto copies = static_cast<double>(training_memory(options, visible, validation, ranks, ranks_on_node)) /
                            static_cast<double>(visible * hidden * sizeof(Real));
        EXPECT_LE(copies, 6) << visible << " x " << hidden << ", " << ranks << " ranks, " << ranks_on_node
                             << " of them on each node, engine " << (engine == Engine::blas ? "blas" : "active")
                             << (validation ? ", validation" : "");
      }
    }
  }
}

}  // namespace
}  // namespace rbmpi
