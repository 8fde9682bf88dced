#include "rbmpi/parallel/link.hpp"

#include <cmath>

#include <gtest/gtest.h>

namespace rbmpi {
namespace {

TEST(LinkTest, AllRanksHaveTheSameFigures) {
  const Communicator world = Communicator::world();
  if (world.size() == 1) return;  // no link
  const Link link = Link::measure(world);
  EXPECT_GT(link.latency, 0);
  EXPECT_LT(link.latency, 1);
  EXPECT_GT(link.bandwidth, 1e6);
  EXPECT_LT(link.bandwidth, 1e12);
  Link of_root = link;
  world.broadcast(std::as_writable_bytes(std::span(&of_root, 1)));
  EXPECT_EQ(link.latency, of_root.latency);
  EXPECT_EQ(link.bandwidth, of_root.bandwidth);
}

}  // namespace
}  // namespace rbmpi
