#include "rbmpi/evaluate/exact_partition.hpp"

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "support/random_rbm.hpp"
#include "support/toy_unit.hpp"

namespace rbmpi {
namespace {

TEST(ExactPartitionRanksTest, TheSameOnAnyNumberOfRanksAndThreads) {
  const Communicator world = Communicator::world();
  const UnitEntry* const toy = &test::toy_unit();
  for (const RbmShape shape : {RbmShape{30, 14}, RbmShape{3, 8}, RbmShape{13, 70}, RbmShape{10, 12, toy, toy},
                               RbmShape{1, 2, toy, &bernoulli_unit}}) {
    const Rbm rbm = test::random_rbm(shape, 1, 1, 3);
    use_threads(1);
    const double alone = exact_log_partition(rbm, Communicator());
    EXPECT_EQ(exact_log_partition(rbm, world), alone);
    use_threads(2);
    EXPECT_EQ(exact_log_partition(rbm, world), alone) << "on 2 threads a rank";
    use_threads(1);
  }
}

}  // namespace
}  // namespace rbmpi
