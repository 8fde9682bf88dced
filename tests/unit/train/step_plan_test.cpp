#include "train/step_plan.hpp"

#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/core/exact_sums.hpp"
#include "rbmpi/train/optimize.hpp"
#include "rbmpi/train/rows_gradient.hpp"

namespace rbmpi {
namespace {

using testing::Each;

class StepPlanTest : public testing::Test {
 protected:
  StepPlanTest() { options_.batch_size = 100; }
  [[nodiscard]] StepPlan plan(int nodes, int ranks_on_node = 1, int slot = 0) const {
    return {function_, options_, 100000, nodes, ranks_on_node, 0, slot};
  }

  RowsGradient function_{
      ParameterLayout({{.path = "weights", .rows = 1000, .columns = 300, .group = 16}, {.path = "bias", .rows = 300}}),
      "loss",
      {}};
  OptimizationOptions options_;
};

TEST_F(StepPlanTest, ARankAloneUsesUpItsGradientPanelByPanel) {
  const StepPlan alone = plan(1);
  EXPECT_FALSE(alone.keeps_sums);
  EXPECT_TRUE(alone.needs_panels);
  EXPECT_FALSE(alone.exchanges_pieces);
  EXPECT_EQ(alone.share.node_rows, 100U);
}

TEST_F(StepPlanTest, NodesExchangeTheirSumsInPieces) {
  const StepPlan one_of_two = plan(2);
  EXPECT_TRUE(one_of_two.keeps_sums);
  EXPECT_FALSE(one_of_two.needs_panels);
  EXPECT_TRUE(one_of_two.exchanges_pieces);
  EXPECT_GT(one_of_two.pieces.size(), 1U);
  EXPECT_GE(one_of_two.longest_sum() * one_of_two.pieces.size(), 300300 * sizeof(Real));
  options_.exchange = Exchange::allreduce;
  EXPECT_FALSE(plan(2).exchanges_pieces);
}

TEST_F(StepPlanTest, LargeBatchesAreTakenInPartsThatAreAddedUp) {
  options_.batch_size = 2 * rows_at_once + 1;
  const StepPlan parts = plan(1);
  EXPECT_EQ(parts.share.node_rows, rows_at_once);
  EXPECT_TRUE(parts.keeps_sums);
  EXPECT_TRUE(parts.needs_panels);
  EXPECT_FALSE(plan(2).exchanges_pieces);
  EXPECT_EQ(plan(1, 3).share.node_rows, options_.batch_size);
}

/// The same with chains.
class WithChains final : public GradientFunction {
 public:
  WithChains(const GradientFunction& function, std::uint64_t chains) : function_(function), chains_(chains) {}
  [[nodiscard]] const ParameterLayout& layout() const noexcept override { return function_.layout(); }
  [[nodiscard]] std::uint64_t exact_rows() const noexcept override { return 4096; }
  [[nodiscard]] std::uint64_t chains() const noexcept override { return chains_; }
  void begin(std::span<Real> parameters, bool first) const override { function_.begin(parameters, first); }
  [[nodiscard]] PreparedGradient prepare(const NodeShare& share, std::span<Real> parameters,
                                         Workspace& memory) const override {
    return function_.prepare(share, parameters, memory);
  }

 private:
  const GradientFunction& function_;
  std::uint64_t chains_;
};

TEST_F(StepPlanTest, ChainsAreASecondPhaseThatIsTakenInPartsLikeTheRows) {
  const WithChains few(function_, 30);
  const StepPlan alone(few, options_, 100000, 1, 1);
  EXPECT_EQ(alone.phases, 2U);
  EXPECT_EQ(alone.share.node_rows, 100U);
  EXPECT_EQ(alone.share.node_chains, 30U);
  EXPECT_EQ(alone.parts(100), 1U);
  EXPECT_FALSE(alone.keeps_sums);
  const StepPlan of_three(few, options_, 100000, 3, 1);
  EXPECT_EQ(of_three.sums_under_way(), 2 * of_three.pieces.size() + 1);

  const WithChains many(function_, 2 * rows_at_once + 1);
  const StepPlan in_parts(many, options_, 100000, 1, 1);
  EXPECT_EQ(in_parts.share.node_chains, rows_at_once);
  EXPECT_EQ(in_parts.parts(100), 3U);
  EXPECT_EQ(in_parts.parts(1), 3U);
  EXPECT_TRUE(in_parts.keeps_sums);
  EXPECT_FALSE(in_parts.wide);
  EXPECT_TRUE(StepPlan(WithChains(function_, 4097), options_, 100000, 1, 8).wide);
}

TEST_F(StepPlanTest, EachRowIsInOnePanelOfOneRank) {
  std::vector<int> seen(1300);
  for (const int slot : {0, 1, 2}) {
    const StepPlan of_rank = plan(2, 3, slot);
    for (const std::vector<ArrayRows>& piece : of_rank.pieces) {
      for (const ArrayRows& part : piece) {
        of_rank.for_each_panel(part, std::size_t{32}, [&](Shard rows, std::size_t /*thread*/) {
          EXPECT_LE(rows.count, 32U);
          for (std::uint64_t i = 0; i < rows.count; ++i) ++seen[part.array * 1000 + rows.first + i];
        });
      }
    }
  }
  EXPECT_THAT(seen, Each(1));
}

}  // namespace
}  // namespace rbmpi
