#include "rbmpi/core/threads.hpp"

#include <atomic>
#include <set>
#include <vector>

#include <gtest/gtest.h>
#include <omp.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

class ThreadsTest : public testing::Test {
 protected:
  void TearDown() override { use_threads(1); }
};

TEST_F(ThreadsTest, LoopsRunOnAsManyThreadsAsWereAskedFor) {
  for (const int threads : {1, 2, 3, 5}) {
    use_threads(threads);
    EXPECT_EQ(threads_in_use(), threads);
    std::vector<int> who(60, -1);
    parallel_for(who.size(), [&](std::size_t i) { who[i] = omp_get_thread_num(); });
    EXPECT_EQ(std::set<int>(who.begin(), who.end()).size(), static_cast<std::size_t>(threads));
  }
}

TEST_F(ThreadsTest, EveryIndexIsVisitedOnce) {
  use_threads(3);
  for (const std::size_t count : {0U, 1U, 2U, 7U, 1000U}) {
    std::vector<std::atomic<int>> visits(count);
    parallel_for(count, [&](std::size_t i) { ++visits[i]; });
    for (const auto& visit : visits) EXPECT_EQ(visit, 1);
  }
}

TEST_F(ThreadsTest, MoreThreadsThanTheSystemGivesAreRefused) {
  use_threads(2);
  // OpenBLAS was built with a limit, 128 threads in Debian.
  test::expect_error(Failure::usage, {"threads = 300", "give a number that it allows"}, [] { use_threads(300); });
  EXPECT_EQ(threads_in_use(), 2);
}

TEST_F(ThreadsTest, ThereIsACore) {
  const UsableCores usable = usable_cores();
  EXPECT_GE(usable.count, 1);
  EXPECT_GE(machine_cores(), usable.count);
  EXPECT_EQ(usable.bound == CoreBound::none, usable.count == machine_cores());
}

}  // namespace
}  // namespace rbmpi
