#include "rbmpi/train/run_lock.hpp"

#include <chrono>
#include <csignal>
#include <optional>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

class RunLockTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  fs::path file_ = folder_ / "lock";
};

TEST_F(RunLockTest, TheSecondIsToldOfTheFirst) {
  std::optional<RunLock> first(file_);
  EXPECT_EQ(first->dead_owner(), "");
  const std::string owner = "process " + std::to_string(getpid());
  for (int attempt = 0; attempt < 2; ++attempt) {
    test::expect_error(Failure::file, {folder_.path().string(), "in use", "host ", owner, "since 20"},
                       [&] { RunLock second(file_); });
  }
  first.reset();
  EXPECT_FALSE(fs::exists(file_));
  EXPECT_EQ(RunLock(file_).dead_owner(), "");
}

TEST_F(RunLockTest, MovesWithItsOwner) {
  RunLock first(file_);
  RunLock second(std::move(first));
  first = RunLock();
  EXPECT_THROW(RunLock third(file_), Error);
  second = RunLock();
  EXPECT_NO_THROW(RunLock third(file_));
}

TEST_F(RunLockTest, ThatOfADeadProcessIsRecognised) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const RunLock lock(file_);
    (void)!write(ready[1], "x", 1);
    pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  test::expect_error(Failure::file, {"process " + std::to_string(child)}, [&] { RunLock lock(file_); });
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(fs::exists(file_));
  const RunLock lock(file_);
  EXPECT_NE(lock.dead_owner().find("process " + std::to_string(child)), std::string::npos) << lock.dead_owner();
  EXPECT_NE(test::content(file_).find("process " + std::to_string(getpid())), std::string::npos);
  close(ready[0]);
  close(ready[1]);
}

TEST_F(RunLockTest, AChildThatADeadJobLeftBehindIsWaitedFor) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t job = fork();
  if (job == 0) {
    const RunLock lock(file_);
    if (fork() == 0) {  // holds the lock as well
      (void)!write(ready[1], "x", 1);
      usleep(300000);
      _exit(test::content(file_).empty() ? 1 : 0);
    }
    pause();
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  kill(job, SIGKILL);
  waitpid(job, nullptr, 0);
  const auto begin = std::chrono::steady_clock::now();
  const RunLock lock(file_);
  EXPECT_GT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(100));
  EXPECT_NE(lock.dead_owner().find("process " + std::to_string(job)), std::string::npos) << lock.dead_owner();
  close(ready[0]);
  close(ready[1]);
}

TEST_F(RunLockTest, AFileThatIsDeletedMeanwhileIsNotTakenForTheOwn) {
  std::optional<RunLock> first(file_);
  fs::remove(file_);
  const RunLock second(file_);
  first.reset();
  EXPECT_TRUE(fs::exists(file_)) << "the first must not delete the file of the second";
  EXPECT_THROW(RunLock third(file_), Error);
}

TEST_F(RunLockTest, AFolderThatIsNotThereIsAnError) {
  test::expect_error(Failure::file, {"nowhere", "No such file"}, [&] { RunLock lock(folder_ / "nowhere" / "lock"); });
}

}  // namespace
}  // namespace rbmpi
