#include "rbmpi/core/child_process.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/liveness.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

/// No child is left, whether running or as a zombie.
bool has_no_child() {
  return waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD;
}

bool exists_within(const fs::path& path, milliseconds patience) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!fs::exists(path) && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(milliseconds(10));
  return fs::exists(path);
}

/// Runs `work` in a process that may be killed and stopped without harm to the test, and gives its id.
template <typename Work>
pid_t start_process(const Work& work) {
  const pid_t id = fork();
  if (id != 0) return id;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // nothing stays if the test is ended
  work();
  _exit(0);
}

class ChildProcessTest : public testing::Test {
 protected:
  void TearDown() override {
    EXPECT_TRUE(has_no_child());
    EXPECT_EQ(open_descriptors(), descriptors_);
  }
  std::size_t descriptors_ = open_descriptors();
  test::TemporaryFolder folder_;
};

TEST_F(ChildProcessTest, BytesOfAnyLengthComeBack) {
  EXPECT_EQ(run_in_child("try", [] { return std::string(); }), "");
  EXPECT_EQ(run_in_child("try", [] { return std::string("a\0b\n", 4); }), std::string("a\0b\n", 4));
  const std::vector<char> letters(10'000'019, 'x');
  const std::string large(letters.begin(), letters.end());
  EXPECT_EQ(run_in_child("try", [&] { return large + "y"; }), large + "y");
}

TEST_F(ChildProcessTest, WhatTheChildChangesIsItsOwn) {
  int value = 1;
  const std::string id = run_in_child("try", [&] {
    value = 2;
    return std::to_string(getpid());
  });
  EXPECT_EQ(value, 1);
  EXPECT_NE(id, std::to_string(getpid()));
}

TEST_F(ChildProcessTest, ErrorsComeOutAsTheyWentIn) {
  for (const Failure failure : {Failure::usage, Failure::file, Failure::diverged, Failure::interrupted}) {
    try {
      (void)run_in_child("try", [&]() -> std::string { throw Error(failure, "no file 'ä'"); });
      ADD_FAILURE() << "no error was thrown";
    } catch (const Error& error) {
      EXPECT_EQ(error.failure(), failure);
      EXPECT_STREQ(error.what(), "no file 'ä'");
    }
  }
  test::expect_error(Failure::other, {"a plain reason"}, [] {
    (void)run_in_child("try", []() -> std::string { throw std::runtime_error("a plain reason"); });
  });
  test::expect_error(Failure::other, {"out of memory"},
                     [] { (void)run_in_child("try", []() -> std::string { throw std::bad_alloc(); }); });
  test::expect_error(Failure::other, {"unknown"}, [] { (void)run_in_child("try", []() -> std::string { throw 1; }); });
}

TEST_F(ChildProcessTest, ACrashIsAnErrorThatSaysHowItEnded) {
  const ChildOptions options{.on_crash = "the library crashed on it"};
  for (const int signal : {SIGSEGV, SIGABRT}) {
    const std::string name = std::string("SIG") + sigabbrev_np(signal);
    test::expect_error(Failure::file, {"cannot read 'a.h5': the library crashed on it (" + name + ")"}, [&] {
      (void)run_in_child(
          "read 'a.h5'",
          [&] {
            std::raise(signal);
            return std::string();
          },
          options);
    });
  }
  test::expect_error(Failure::file, {"cannot read 'a.h5'", "(exit code 7)"},
                     [&] { (void)run_in_child("read 'a.h5'", []() -> std::string { _exit(7); }); });
  test::expect_error(Failure::other, {"cannot read 'a.h5'", "killed", "memory"}, [&] {
    (void)run_in_child("read 'a.h5'", [] {
      std::raise(SIGKILL);
      return std::string();
    });
  });
  test::expect_error(Failure::other, {"cannot read 'a.h5'", "SIGBUS", "/dev/shm"}, [&] {
    (void)run_in_child("read 'a.h5'", [] {
      std::raise(SIGBUS);
      return std::string();
    });
  });
}

TEST_F(ChildProcessTest, WhatACrashingLibraryPrintsIsNotSeen) {
  testing::internal::CaptureStderr();
  test::expect_error(Failure::file, {"crashed"}, [] {
    (void)run_in_child("read 'a.h5'", []() -> std::string {
      std::fputs("free(): invalid pointer\n", stderr);
      std::abort();
    });
  });
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(ChildProcessTest, OutputComesOnceAndInOrder) {
  testing::internal::CaptureStdout();
  std::printf("before, ");
  (void)run_in_child("print", [] {
    std::printf("child, ");
    return std::string();
  });
  std::printf("after");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "before, child, after");
}

TEST_F(ChildProcessTest, AnEndlessLoopHasALimit) {
  const ChildOptions options{.cpu_seconds = 1};
  // What stops a program in good order must not keep its child alive.
  const auto before = std::signal(SIGXCPU, [](int) {});
  test::expect_error(Failure::file, {"cannot read 'a.h5'", "within 1 s of processor time"}, [&] {
    (void)run_in_child(
        "read 'a.h5'",
        [] {
          for (volatile unsigned count = 0;;) count = count + 1;
          return std::string();
        },
        options);
  });
  std::signal(SIGXCPU, before);
}

TEST_F(ChildProcessTest, AChildThatComesFurtherMayTakeAnyTime) {
  const auto work_for = [](double seconds) {
    const std::clock_t end = std::clock() + static_cast<std::clock_t>(seconds * CLOCKS_PER_SEC);
    while (std::clock() < end) continue;
  };
  const ChildOptions options{.cpu_seconds = 1};
  EXPECT_EQ(run_in_child(
                "read 'a.h5'",
                [&] {
                  for (int piece = 0; piece < 3; ++piece) {
                    still_at_work();
                    work_for(0.4);
                  }
                  still_at_work(1);  // and a second for something large
                  work_for(1.3);
                  return std::string("done");
                },
                options),
            "done");
  test::expect_error(Failure::file, {"within 1 s of processor time"}, [&] {
    (void)run_in_child(
        "read 'a.h5'",
        [&] {
          still_at_work(1);
          still_at_work();  // the large thing is done
          work_for(60);
          return std::string();
        },
        options);
  });
}

TEST_F(ChildProcessTest, TheChildTakesNoMoreMemoryThanThereIs) {
  const auto take = [] {
    // Such memory costs nothing until it is used, so only the limit is in the way.
    void* const memory = mmap(nullptr, std::size_t{1} << 41U, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return std::string("taken");
  };
  test::expect_error(Failure::other, {"out of memory"}, [&] { (void)run_in_child("take", take); });
  EXPECT_EQ(run_in_child("take", take, {.limit_memory = false}), "taken");
}

TEST_F(ChildProcessTest, AnUnknownStatusDoesNoHarm) {
  void (*const before)(int) = std::signal(SIGCHLD, SIG_IGN);  // then the system keeps no status
  EXPECT_EQ(run_in_child("try", [] { return std::string("done"); }), "done");
  test::expect_error(Failure::file, {"cannot try", "unknown reason"},
                     [] { (void)run_in_child("try", []() -> std::string { _exit(1); }); });
  static_cast<void>(std::signal(SIGCHLD, before));
}

TEST_F(ChildProcessTest, AFailedForkIsAnError) {
  // As nobody, who may have no process more; a process of its own, because there is no way back.
  const pid_t id = start_process([] {
    const rlimit none{0, 0};
    if (setuid(65534) != 0 && getuid() == 0) _exit(2);
    setrlimit(RLIMIT_NPROC, &none);
    const std::size_t before = open_descriptors();
    try {
      (void)run_in_child("try", [] { return std::string(); });
    } catch (const Error& error) {
      _exit(std::string(error.what()).find("no child process") != std::string::npos && before == open_descriptors()
                ? 0
                : 3);
    }
    _exit(4);
  });
  int status = 0;
  ASSERT_EQ(waitpid(id, &status, 0), id);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

/// A program whose child waits, for ever unless it obeys a stop; its exit code is that of the error.
void wait_in_a_child(const fs::path& ready, bool obeys) {
  stop_on_signals();
  try {
    (void)run_in_child("read", [&] {
      std::ofstream(ready) << "ready";
      while (!obeys || !stop_requested()) std::this_thread::sleep_for(milliseconds(1));
      throw_if_stopped("reading");
      return std::string();
    });
  } catch (const Error& error) {
    _exit(static_cast<int>(error.failure()));
  }
}

TEST_F(ChildProcessTest, AStopReachesTheChild) {
  const fs::path ready = folder_ / "ready";
  for (const bool obeys : {true, false}) {
    fs::remove(ready);
    const pid_t id = start_process([&] { wait_in_a_child(ready, obeys); });
    ASSERT_TRUE(exists_within(ready, milliseconds(10000)));
    const auto begin = std::chrono::steady_clock::now();
    kill(id, SIGTERM);
    int status = 0;
    ASSERT_EQ(waitpid(id, &status, 0), id);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(Failure::interrupted)) << (obeys ? "obeys" : "does not obey");
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(obeys ? 3 : 15));
  }
}

/// A program in a session of its own whose child needs a while.
void write_in_a_child(const fs::path& ready, const fs::path& done, bool outlives) {
  setsid();
  (void)run_in_child("write",
                     [&] {
                       std::ofstream(ready) << "ready";
                       std::this_thread::sleep_for(milliseconds(400));
                       std::ofstream(done) << "done";
                       return std::string();
                     },
                     {.outlives_parent = outlives});
}

TEST_F(ChildProcessTest, AChildEndsWithItsParentUnlessItIsToOutliveIt) {
  for (const bool outlives : {false, true}) {
    const fs::path ready = folder_ / (outlives ? "ready2" : "ready1");
    const fs::path done = folder_ / (outlives ? "done2" : "done1");
    const pid_t id = start_process([&] { write_in_a_child(ready, done, outlives); });
    ASSERT_TRUE(exists_within(ready, milliseconds(10000)));
    kill(outlives ? -id : id, SIGKILL);  // the group too: as mpirun does
    ASSERT_EQ(waitpid(id, nullptr, 0), id);
    EXPECT_EQ(exists_within(done, milliseconds(outlives ? 10000 : 1000)), outlives);
  }
}

/// Memory that a child shares.
struct SharedNumbers {
  SharedNumbers()
      : numbers(static_cast<std::uint64_t*>(
            mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~SharedNumbers() { munmap(numbers, 4096); }
  SharedNumbers(const SharedNumbers&) = delete;
  SharedNumbers& operator=(const SharedNumbers&) = delete;
  std::uint64_t* numbers;
};

TEST(ChildServerTest, AnswersRequestsInTheirOrder) {
  const SharedNumbers shared;
  {
    ChildServer server("count", [&](const ChildServer::Request& request) {
      // What an earlier request has left is there.
      shared.numbers[request[0]] = shared.numbers[request[1]] + request[2];
    });
    for (std::uint64_t i = 0; i < 500; ++i) server.ask({i + 1, i, i});
    EXPECT_EQ(server.unanswered(), 500U);
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < 500; ++i) {
      server.wait();
      sum += i;
      ASSERT_EQ(shared.numbers[i + 1], sum);
    }
    EXPECT_EQ(server.unanswered(), 0U);
  }
  EXPECT_TRUE(has_no_child());
}

TEST(ChildServerTest, ExceptionsComeBackAndTheNextRequestIsAnswered) {
  const SharedNumbers shared;
  ChildServer server("read 'a.h5'", [&](const ChildServer::Request& request) {
    if (request[0] == 1) throw Error(Failure::file, "row 7 is wrong");
    if (request[0] == 2) throw std::runtime_error("something else");
    shared.numbers[0] += request[0];
  });
  for (const std::uint64_t request : {10U, 1U, 2U, 20U}) server.ask({request});
  server.wait();
  test::expect_error(Failure::file, {"row 7 is wrong"}, [&] { server.wait(); });
  test::expect_error(Failure::other, {"something else"}, [&] { server.wait(); });
  server.wait();
  EXPECT_EQ(shared.numbers[0], 30U);
}

TEST(ChildServerTest, ACrashIsAnErrorOfThisProcessAlone) {
  ChildServer server("read 'a.h5'",
                     [](const ChildServer::Request& request) {
                       if (request[0] == 1) std::raise(SIGSEGV);
                     },
                     {.on_crash = "it is damaged"});
  server.ask({0});
  server.ask({1});
  server.wait();
  test::expect_error(Failure::file, {"cannot read 'a.h5'", "it is damaged", "SIGSEGV"}, [&] { server.wait(); });
  test::expect_error(Failure::file, {"cannot read 'a.h5'"}, [&] {
    for (;;) server.ask({0});
  });
}

TEST(ChildServerTest, AnEndlessRequestIsEnded) {
  ChildServer server("read 'a.h5'",
                     [](const ChildServer::Request&) {
                       for (volatile bool endless = true; endless;) {
                       }
                     },
                     {.cpu_seconds = 1});
  server.ask({0});
  test::expect_error(Failure::file, {"no further within 1 s"}, [&] { server.wait(); });
}

TEST(ChildServerTest, GoesOnWhenThisProcessIsAskedToStopAndLeavesNothing) {
  const std::size_t descriptors = open_descriptors();
  {
    const SharedNumbers shared;
    ChildServer server("read", [&](const ChildServer::Request&) {
      std::raise(SIGTERM);
      std::raise(SIGINT);
      shared.numbers[0] += 1;
    });
    server.ask({0});
    server.wait();
    EXPECT_EQ(shared.numbers[0], 1U);
    server.ask({0});  // nobody waits for the answer
  }
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_TRUE(has_no_child());
}

}  // namespace
}  // namespace rbmpi
