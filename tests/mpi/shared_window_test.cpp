#include "rbmpi/parallel/shared_window.hpp"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parallel/memory_file.hpp"
#include "rbmpi/data/shard.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "support/expect_error.hpp"

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
    SharedWindow window(node, size, "a test");
    EXPECT_THAT(window.bytes(), Each(std::byte{0}));
    window.synchronise();
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
  }
}

TEST_F(SharedWindowTest, SimulatedNodesHaveMemoryOfTheirOwn) {
  const Communicator node = world_.split_by_node(1);
  SharedWindow window(node, 10, "a test");
  std::ranges::fill(window.bytes(), static_cast<std::byte>(world_.rank()));
  window.synchronise();
  world_.barrier();
  EXPECT_THAT(window.bytes(), Each(static_cast<std::byte>(world_.rank())));
}

TEST_F(SharedWindowTest, AMoveEmptiesTheSource) {
  const Communicator node = world_.split_by_node(0);
  SharedWindow source(node, 100, "a test");
  SharedWindow target(std::move(source));
  EXPECT_EQ(target.bytes().size(), 100U);
  EXPECT_TRUE(source.bytes().empty());
  SharedWindow assigned;
  assigned = std::move(target);
  EXPECT_EQ(assigned.bytes().size(), 100U);
  EXPECT_TRUE(target.bytes().empty());
  assigned.synchronise();
}

TEST_F(SharedWindowTest, AllPagesAreThereBeforeAnybodyTouchesThem) {
  constexpr std::size_t size = 12345678;
  for (const int ranks_per_node : {0, 1, 2}) {
    const Communicator node = world_.split_by_node(ranks_per_node);
    for (const MemoryFileKind kind : {MemoryFileKind::unnamed, MemoryFileKind::named}) {
      const Descriptor file = share_memory_file(node, size, "a test", kind);
      struct stat status {};
      ASSERT_EQ(fstat(file.number(), &status), 0);
      EXPECT_EQ(status.st_size, static_cast<off_t>(size));
      EXPECT_GE(static_cast<std::size_t>(status.st_blocks) * 512, size);
    }
  }
}

TEST_F(SharedWindowTest, TheMemoryOfARankAloneIsThereToo) {
  const std::size_t pages = 5000;
  const SharedWindow window(Communicator(), pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), "a test");
  std::vector<unsigned char> there(pages);
  ASSERT_EQ(mincore(window.bytes().data(), window.bytes().size(), there.data()), 0);
  EXPECT_THAT(there, Each(testing::Ge(1)));
}

TEST_F(SharedWindowTest, WhatCannotBeHadIsAnErrorOfAllRanks) {
  const Communicator node = world_.split_by_node(0);
  if (node.size() == 1) return;
  test::expect_error(Failure::other, {"not enough memory for 'a.h5'", "1.1 PB", "available"},
                     [&] { SharedWindow(node, std::size_t{1} << 50U, "'a.h5'"); });
  test::expect_error(Failure::other, {"not enough memory for 'a.h5'"},
                     [&] { (void)SharedWindow::on_every_node(world_, node, std::size_t{1} << 50U, "'a.h5'"); });
}

TEST_F(SharedWindowTest, ALimitOfFilesIsAnErrorAndNoSignal) {
  const Communicator node = world_.split_by_node(0);
  if (node.size() == 1) return;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 1000;
  if (node.is_root()) {
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  }
  test::expect_error(Failure::other, {"'a.h5'", "10.1 kB", "ulimit -f"}, [&] { SharedWindow(node, 10000, "'a.h5'"); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
}

TEST_F(SharedWindowTest, RanksThatDoNotSeeEachOtherShareAFileWhoseNameGoesAtOnce) {
  const Communicator node = world_.split_by_node(2);
  if (node.size() == 1) return;
  const Descriptor file = share_memory_file(node, 100, "a test", MemoryFileKind::named);
  const std::string place = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file.number())).string();
  EXPECT_THAT(place, testing::MatchesRegex("/dev/shm/rbmpi-[0-9a-f]{32} \\(deleted\\)"));
  const char mine = static_cast<char>('a' + node.rank());
  ASSERT_EQ(pwrite(file.number(), &mine, 1, node.rank()), 1);
  node.barrier();
  std::string all(static_cast<std::size_t>(node.size()), ' ');
  ASSERT_EQ(pread(file.number(), all.data(), all.size(), 0), static_cast<ssize_t>(all.size()));
  EXPECT_EQ(all, std::string("abcd").substr(0, all.size()));
  node.barrier();
}

}  // namespace
}  // namespace rbmpi
