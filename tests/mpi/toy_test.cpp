// A toy unit, a toy estimator with chains of another number than rows, and a toy source of rows, each one file and one
// row of a table (tests/support/toys.hpp): the places where later ones will live.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/error.hpp"
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

  Communicator world_ = Communicator::world();
  test::ToyRows rows_{test::toy_rows, test::toy_columns};
  TrainingOptions options_ = test::toy_options();
};

TEST_F(ToyTest, EveryLayoutHasTheSameBits) {
  const std::vector<Real> expected = alone();
  EXPECT_TRUE(std::ranges::any_of(expected, [](Real value) { return std::abs(value) > 0.1F; })) << "it has learned";
  for (const auto& [exchange, ranks_per_node] : layouts()) {
    options_.exchange = exchange;
    options_.ranks_per_node = ranks_per_node;
    expect_same(train(world_), expected);
  }
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

TEST_F(ToyTest, BatchesAndChainsInPartsHaveTheSameBits) {
  rows_ = test::ToyRows(5000, test::toy_columns);
  options_.epochs = 1;
  for (const std::uint64_t batch_size : {2600, 4500}) {  // the second in double precision
    options_.batch_size = batch_size;
    const std::vector<Real> expected = alone();
    for (const auto& [exchange, ranks_per_node] : layouts()) {
      options_.exchange = exchange;
      options_.ranks_per_node = ranks_per_node;
      expect_same(train(world_), expected);
    }
  }
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

}  // namespace
}  // namespace rbmpi
