#include <algorithm>
#include <cstdint>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/data/shard.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {
namespace {

using testing::Each;

class SharedWindowTest : public testing::Test {
 protected:
  Communicator world_ = Communicator::world();
};

TEST_F(SharedWindowTest, EveryRankSeesWhatTheOthersWrote) {
  for (const int ranks_per_node : {0, 1, 2}) {
    const Communicator node = world_.split_by_node(ranks_per_node);
    constexpr std::size_t size = 100003;
    SharedWindow window(node, size);
    ASSERT_EQ(window.bytes().size(), size);
    // In turn each rank writes all, and then each its share.
    for (int writer = 0; writer < node.size(); ++writer) {
      const auto value = static_cast<std::byte>(writer + 1);
      if (node.rank() == writer) std::ranges::fill(window.bytes(), value);
      window.synchronise();
      EXPECT_THAT(window.bytes(), Each(value));
      window.synchronise();
    }
    const Shard mine = shard(size, node.rank(), node.size());
    std::ranges::fill(window.bytes().subspan(mine.first, mine.count), static_cast<std::byte>(node.rank() + 10));
    window.synchronise();
    for (int rank = 0; rank < node.size(); ++rank) {
      const Shard theirs = shard(size, rank, node.size());
      EXPECT_THAT(window.bytes().subspan(theirs.first, theirs.count), Each(static_cast<std::byte>(rank + 10)));
    }
    window.release();
    EXPECT_TRUE(window.bytes().empty());
    window.release();
  }
}

TEST_F(SharedWindowTest, SimulatedNodesHaveMemoryOfTheirOwn) {
  const Communicator node = world_.split_by_node(1);
  SharedWindow window(node, 10);
  std::ranges::fill(window.bytes(), static_cast<std::byte>(world_.rank()));
  window.synchronise();
  world_.barrier();
  EXPECT_THAT(window.bytes(), Each(static_cast<std::byte>(world_.rank())));
  window.release();
}

TEST_F(SharedWindowTest, AMoveEmptiesTheSource) {
  const Communicator node = world_.split_by_node(0);
  SharedWindow source(node, 100);
  SharedWindow target(std::move(source));
  EXPECT_EQ(target.bytes().size(), 100U);
  EXPECT_TRUE(source.bytes().empty());
  source.release();
  SharedWindow assigned;
  assigned = std::move(target);
  EXPECT_EQ(assigned.bytes().size(), 100U);
  EXPECT_TRUE(target.bytes().empty());
  assigned.release();
}

}  // namespace
}  // namespace rbmpi
