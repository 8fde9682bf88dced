#include "rbmpi/train/rank_layout.hpp"

#include <gtest/gtest.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

class RankLayoutTest : public testing::Test {
 protected:
  void expect_layout(Exchange exchange, int ranks_per_node, int node_size) const {
    const RankLayout layout = arrange_ranks(world_, exchange, ranks_per_node);
    EXPECT_EQ(layout.node.size(), node_size) << ranks_per_node;
    EXPECT_EQ(layout.node.rank(), world_.rank() % node_size) << ranks_per_node;
    EXPECT_EQ(layout.peers.size(), world_.size() / node_size) << ranks_per_node;
    EXPECT_EQ(layout.peers.rank(), world_.rank() / node_size) << ranks_per_node;
  }

  Communicator world_ = Communicator::world();
};

TEST_F(RankLayoutTest, NodesOfEqualSizesShare) {
  for (const Exchange exchange : {Exchange::automatic, Exchange::shared}) {
    expect_layout(exchange, 0, world_.size());
    expect_layout(exchange, 1, 1);
    if (world_.size() % 2 == 0) expect_layout(exchange, 2, 2);
  }
}

TEST_F(RankLayoutTest, AllreduceHasNodesOfOneRank) {
  for (const int ranks_per_node : {0, 1, 2}) expect_layout(Exchange::allreduce, ranks_per_node, 1);
}

TEST_F(RankLayoutTest, UnequalNodesCannotShare) {
  if (world_.size() < 3) return;
  const int ranks_per_node = world_.size() - 1;
  expect_layout(Exchange::automatic, ranks_per_node, 1);
  test::expect_error(Failure::usage,
                     {"exchange = shared", "1 to " + std::to_string(ranks_per_node), "equally many", "allreduce"}, [&] {
                       try {
                         (void)arrange_ranks(world_, Exchange::shared, ranks_per_node);
                       } catch (const AgreedError&) {
                         throw;
                       } catch (const Error& error) {
                         ADD_FAILURE() << "not agreed upon: " << error.what();
                       }
                     });
}

}  // namespace
}  // namespace rbmpi
