#include "rbmpi/core/interruption.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

/// The exit code of a process that does `work`, with signals of its own; -1 if one ended it.
template <typename Work>
int exit_code_of(const Work& work) {
  const pid_t id = fork();
  if (id == 0) _exit(work());
  int status = 0;
  return waitpid(id, &status, 0) == id && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Interruption, SignalsThatAskToStop) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU}) {
    EXPECT_EQ(exit_code_of([&] {
                stop_on_signals();
                if (stop_requested()) return 100;
                std::raise(signal);
                return stop_requested() ? stop_signal() : 101;
              }),
              signal);
  }
}

TEST(Interruption, WhatWasIgnoredStaysIgnored) {
  for (const int signal : {SIGHUP, SIGUSR2, SIGXCPU}) {
    EXPECT_EQ(exit_code_of([&] {
                std::signal(signal, SIG_IGN);
                stop_on_signals();
                std::raise(signal);
                return stop_requested() ? 1 : 0;
              }),
              0);
  }
}

TEST(Interruption, AFileBeyondItsLimitIsAnErrorOfTheWrite) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(exit_code_of([&] {
              stop_on_signals();
              const rlimit none{0, 0};
              setrlimit(RLIMIT_FSIZE, &none);
              const int file = open((folder / "file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
              return write(file, "x", 1) < 0 ? errno : 0;
            }),
            EFBIG);
}

}  // namespace
}  // namespace rbmpi
