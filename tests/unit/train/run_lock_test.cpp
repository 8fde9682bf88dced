#include "rbmpi/train/run_lock.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/system.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

class RunLockTest : public testing::Test {
 protected:
  /// A child process that locks the file for so long, as a job, or as nobody but with this text.
  pid_t holder(milliseconds time, const std::string& text = {}) {
    std::array<int, 2> ready{};
    EXPECT_EQ(pipe(ready.data()), 0);
    const pid_t child = fork();
    if (child == 0) {
      std::optional<RunLock> lock;
      if (text.empty()) {
        lock.emplace(file_);
      } else {
        (void)folder_.write("lock", text);
        (void)flock(open(file_.c_str(), O_RDWR), LOCK_EX);
      }
      (void)!write(ready[1], "x", 1);
      usleep(static_cast<useconds_t>(time.count() * 1000));
      lock.reset();
      _exit(0);
    }
    close(ready[1]);
    char byte = 0;
    EXPECT_EQ(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
  }
  RunLock wait(milliseconds patience) {
    begin_ = Clock::now();
    return RunLock(file_, patience, [this](const std::string& line) { warnings_.push_back(line); });
  }
  [[nodiscard]] Clock::duration waited() const { return Clock::now() - begin_; }

  std::vector<std::string> warnings_;
  Clock::time_point begin_;
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

TEST_F(RunLockTest, OneThatEndsInTimeIsWaitedFor) {
  const pid_t job = holder(milliseconds(300));
  const RunLock lock = wait(std::chrono::minutes(1));
  EXPECT_GT(waited(), milliseconds(100));
  EXPECT_EQ(lock.dead_owner(), "");
  EXPECT_THAT(warnings_, ElementsAre(AllOf(HasSubstr("waits for the output folder '" + folder_.path().string()),
                                           HasSubstr(fmt::format("process {}", job)))));
  EXPECT_EQ(waitpid(job, nullptr, 0), job);
}

TEST_F(RunLockTest, OneThatGoesOnIsNotWaitedForWithoutEnd) {
  const pid_t job = holder(std::chrono::minutes(5));
  test::expect_error(Failure::file, {"in use", fmt::format("process {}", job)}, [&] { (void)wait(milliseconds(200)); });
  EXPECT_GE(waited(), milliseconds(200));
  EXPECT_EQ(warnings_.size(), 1U);
  kill(job, SIGKILL);
  EXPECT_EQ(waitpid(job, nullptr, 0), job);
}

TEST_F(RunLockTest, AStopEndsTheWait) {
  const pid_t job = holder(std::chrono::minutes(5));
  const pid_t waiting = fork();
  if (waiting == 0) {
    stop_on_signals();
    std::raise(SIGTERM);
    try {
      (void)wait(std::chrono::minutes(5));
    } catch (const Error& error) {
      _exit(error.failure() == Failure::interrupted ? 75 : 1);
    }
    _exit(2);
  }
  int status = 0;
  waitpid(waiting, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 75);
  kill(job, SIGKILL);
  EXPECT_EQ(waitpid(job, nullptr, 0), job);
}

// Its number is that of no process here, or of another one: it counts its processes for itself.
TEST_F(RunLockTest, AProcessInAnotherContainerIsNotTakenForDead) {
  const std::string owner = fmt::format("host {}, process 4194304, since 2026-11-22 13:05:10 UTC", host_name());
  std::string place;
  {
    const RunLock lock(file_);
    const std::string text = test::content(file_);
    place = text.substr(text.find('\n') + 1);
    EXPECT_THAT(place, AllOf(testing::StartsWith("pid:["), HasSubstr("] boot "), testing::EndsWith("\n")));
  }
  for (const std::string& other : {std::string("pid:[1]") + place.substr(place.find(']') + 1),
                                   place.substr(0, place.find(' ')) + " boot of another day\n", std::string()}) {
    const pid_t job = holder(std::chrono::seconds(3), owner + '\n' + other);
    test::expect_error(Failure::file, {"in use", "process 4194304"}, [&] { (void)wait(milliseconds(50)); });
    kill(job, SIGKILL);
    EXPECT_EQ(waitpid(job, nullptr, 0), job);
  }
  // Here and today there is none, so that only a child of it can have the lock.
  const pid_t child = holder(milliseconds(200), owner + '\n' + place);
  warnings_.clear();
  EXPECT_EQ(wait({}).dead_owner(), owner);
  EXPECT_THAT(warnings_, ElementsAre(AllOf(HasSubstr("the last checkpoint in"), HasSubstr("of a dead job"))));
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
}

TEST_F(RunLockTest, NoLinkIsFollowed) {
  const fs::path victim = folder_.write("victim", "precious");
  fs::create_symlink(victim, file_);
  test::expect_error(Failure::file, {file_.string(), "a symbolic link"}, [&] { RunLock lock(file_); });
  EXPECT_EQ(test::content(victim), "precious");
  fs::remove(file_);
  ASSERT_EQ(mkfifo(file_.c_str(), 0600), 0);
  test::expect_error(Failure::file, {file_.string(), "a pipe"}, [&] { RunLock lock(file_); });
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
