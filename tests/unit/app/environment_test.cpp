#include "app/environment.hpp"

#include <array>

#include <gtest/gtest.h>

#include "app/startup.hpp"

namespace rbmpi {
namespace {

constexpr long process = 1234;

void expect_launch(const Environment& environment, int size, int rank, int rank_on_node, const std::string& variable) {
  const std::optional<Launch> launch = launch_of(environment, process);
  ASSERT_TRUE(launch);
  EXPECT_EQ(launch->size, size);
  EXPECT_EQ(launch->rank, rank);
  EXPECT_EQ(launch->rank_on_node, rank_on_node);
  EXPECT_EQ(launch->size_variable, variable);
}

TEST(Environment, IsReadAsItIs) {
  const std::array<const char*, 5> variables = {"A=1", "B=", "C=x=y", "D=  ", nullptr};
  const Environment environment = environment_of(variables.data());
  EXPECT_EQ(environment, (Environment{{"A", "1"}, {"B", ""}, {"C", "x=y"}, {"D", "  "}}));
  EXPECT_EQ(value_of(environment, "A"), "1");
  EXPECT_EQ(value_of(environment, "C"), "x=y");
  for (const char* name : {"B", "D", "E"}) EXPECT_FALSE(value_of(environment, name)) << name;
}

TEST(Launch, IsThatOfTheLauncher) {
  expect_launch({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "3"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "1"}}, 4,
                3, 1, "OMPI_COMM_WORLD_SIZE");
  expect_launch({{"MV2_COMM_WORLD_SIZE", "2"}, {"MV2_COMM_WORLD_RANK", "1"}, {"MV2_COMM_WORLD_LOCAL_RANK", "0"}}, 2, 1,
                0, "MV2_COMM_WORLD_SIZE");
  expect_launch({{"PMI_SIZE", "3"}, {"PMI_RANK", "2"}}, 3, 2, 2, "PMI_SIZE");
  const Environment of_srun = {{"SLURM_STEP_NUM_TASKS", "8"},
                               {"SLURM_PROCID", "5"},
                               {"SLURM_LOCALID", "1"},
                               {"SLURM_TASK_PID", std::to_string(process)}};
  expect_launch(of_srun, 8, 5, 1, "SLURM_STEP_NUM_TASKS");
  // Open MPI's mpirun inside of it.
  Environment nested = of_srun;
  nested.insert({{"OMPI_COMM_WORLD_SIZE", "1"}, {"OMPI_COMM_WORLD_RANK", "0"}});
  expect_launch(nested, 1, 0, 0, "OMPI_COMM_WORLD_SIZE");
}

TEST(Launch, IsNotSeenWhereThereIsNone) {
  EXPECT_FALSE(launch_of({}, process));
  EXPECT_FALSE(launch_of({{"PMI_SIZE", "2"}}, process));
  EXPECT_FALSE(launch_of({{"PMI_SIZE", "two"}, {"PMI_RANK", "0"}}, process));
  // An allocation, a batch script, a shell that srun has started, and what is called from it.
  EXPECT_FALSE(launch_of({{"SLURM_JOB_ID", "7"}, {"SLURM_NTASKS", "8"}}, process));
  EXPECT_FALSE(launch_of({{"SLURM_NTASKS", "8"}, {"SLURM_PROCID", "0"}, {"SLURM_TASK_PID", "1000"}}, process));
  EXPECT_FALSE(launch_of({{"SLURM_STEP_NUM_TASKS", "8"}, {"SLURM_PROCID", "0"}, {"SLURM_TASK_PID", "1000"}}, process));
}

TEST(Launch, SeveralThatAreAloneAreAProblem) {
  const Launch two{2, 0, 0, "PMI_SIZE"};
  const std::optional<std::string> problem = singleton_problem(two, 1);
  ASSERT_TRUE(problem);
  EXPECT_NE(problem->find("2 processes"), std::string::npos);
  EXPECT_NE(problem->find("PMI_SIZE"), std::string::npos);
  EXPECT_FALSE(singleton_problem(two, 2));
  EXPECT_FALSE(singleton_problem(Launch{1, 0, 0, "PMI_SIZE"}, 1));
  EXPECT_FALSE(singleton_problem({}, 1));
}

TEST(EnvironmentForLibraries, OneThreadAndShortSpinning) {
  const Environment first = environment_for_libraries({{"OMP_NUM_THREADS", "7"}, {"HOME", "/root"}});
  EXPECT_EQ(
      first,
      (Environment{
          {"HOME", "/root"}, {"OMP_NUM_THREADS", "1"}, {"RBMPI_OMP_NUM_THREADS", "7"}, {"GOMP_SPINCOUNT", "10000"}}));
  const Environment second = environment_for_libraries({{"OMP_WAIT_POLICY", "active"}});
  EXPECT_EQ(second,
            (Environment{{"OMP_WAIT_POLICY", "active"}, {"OMP_NUM_THREADS", "1"}, {"RBMPI_OMP_NUM_THREADS", ""}}));
}

TEST(EnvironmentForLibraries, IsTakenBack) {
  const auto restored = [](const char* kept) {
    setenv("OMP_NUM_THREADS", "1", 1);
    setenv("RBMPI_OMP_NUM_THREADS", kept, 1);
    restore_environment();
    EXPECT_FALSE(this_environment().contains("RBMPI_OMP_NUM_THREADS"));
    return this_environment();
  };
  EXPECT_EQ(value_of(restored("3"), "OMP_NUM_THREADS"), "3");
  EXPECT_FALSE(restored("").contains("OMP_NUM_THREADS"));
  setenv("OMP_NUM_THREADS", "1", 1);
  restore_environment();
  EXPECT_EQ(value_of(this_environment(), "OMP_NUM_THREADS"), "1");
}

}  // namespace
}  // namespace rbmpi
