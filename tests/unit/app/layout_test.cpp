#include "app/layout.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

using testing::HasSubstr;

TEST(Layout, ThreadsOfTheVariable) {
  EXPECT_EQ(threads_of_variable("4"), 4);
  EXPECT_EQ(threads_of_variable(" 4"), 4);
  EXPECT_EQ(threads_of_variable("4,2"), 4);
  EXPECT_EQ(threads_of_variable("4 "), 4);
  EXPECT_EQ(threads_of_variable("99999999999999999999"), std::numeric_limits<int>::max());
  for (const char* text : {"0", "-1", "1.5", "four"}) {
    test::expect_error(Failure::usage, {"OMP_NUM_THREADS = ", text}, [&] { (void)threads_of_variable(text); });
  }
}

TEST(Layout, AdviceOnCoresIsForWhatBindsThem) {
  const Environment of_mpirun = {{"OMPI_COMM_WORLD_SIZE", "2"}};
  EXPECT_THAT(advice_on_cores(CoreBound::affinity, of_mpirun), HasSubstr("mpirun --bind-to none"));
  EXPECT_THAT(advice_on_cores(CoreBound::affinity, {{"SLURM_STEP_ID", "0"}}), HasSubstr("srun --cpus-per-task"));
  EXPECT_THAT(advice_on_cores(CoreBound::affinity, {}), HasSubstr("taskset"));
  EXPECT_THAT(advice_on_cores(CoreBound::quota, of_mpirun), HasSubstr("quota"));
  EXPECT_THAT(advice_on_cores(CoreBound::places, {{"OMP_PLACES", "{0}"}, {"OMPI_COMM_WORLD_SIZE", "2"}}),
              HasSubstr("without OMP_PLACES"));
  EXPECT_THAT(advice_on_cores(CoreBound::places, {{"GOMP_CPU_AFFINITY", "0"}}), HasSubstr("without GOMP_CPU_AFFINITY"));
  // Its places are the cores that mpirun has left.
  Environment binding = of_mpirun;
  binding["OMP_PROC_BIND"] = "true";
  EXPECT_THAT(advice_on_cores(CoreBound::places, binding), HasSubstr("mpirun --bind-to none"));
}

}  // namespace
}  // namespace rbmpi
