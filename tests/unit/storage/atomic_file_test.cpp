#include "rbmpi/storage/atomic_file.hpp"

#include <array>
#include <csignal>
#include <fstream>
#include <functional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rbmpi/core/system.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

/// Runs `work` in a child process, which then sleeps until it is killed.
pid_t sleeping_child(const std::function<void(const std::function<void()>& ready)>& work) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    work([&] { (void)!::write(ends[1], "x", 1); });
    ::_exit(0);
  }
  ::close(ends[1]);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 1);
  ::close(ends[0]);
  return child;
}

void kill_and_wait(pid_t child) {
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST(AtomicFile, AppearsWithCommitAndReplacesTheOldFile) {
  const test::TemporaryFolder folder;
  const fs::path target = folder.write("a.txt", "old");
  AtomicFile file(target);
  std::ofstream(file.temporary()) << "new";
  EXPECT_EQ(test::content(target), "old");
  file.commit();
  EXPECT_EQ(test::content(target), "new");
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(AtomicFile, LeavesNothingWithoutCommit) {
  const test::TemporaryFolder folder;
  {
    const AtomicFile file(folder / "a.txt");
    EXPECT_EQ(file.temporary().parent_path(), folder.path());
    const std::string name = file.temporary().filename();
    EXPECT_TRUE(name.starts_with(".a.txt.partial-")) << name;
    EXPECT_EQ(name.size(), std::string(".a.txt.partial-0123456789abcdef").size());
    EXPECT_NE(AtomicFile(folder / "a.txt").temporary().filename(), name);
    EXPECT_EQ(folder.entries(), 1U);
  }
  EXPECT_EQ(folder.entries(), 0U);
}

TEST(AtomicFile, HasThePermissionsOfTheUmask) {
  const test::TemporaryFolder folder;
  const mode_t before = ::umask(027);
  AtomicFile file(folder / "a.txt");
  ::umask(before);
  file.commit();
  EXPECT_EQ(fs::status(folder / "a.txt").permissions(), static_cast<fs::perms>(0640));
}

TEST(AtomicFile, FollowsALinkAndKeepsIt) {
  const test::TemporaryFolder folder;
  const fs::path target = folder.write("a.txt", "old");
  fs::create_symlink(target, folder / "link");
  AtomicFile file(folder / "link");
  std::ofstream(file.temporary()) << "new";
  file.commit();
  EXPECT_EQ(test::content(target), "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
}

// The name of versions before: it could be guessed, and the link be there already.
TEST(AtomicFile, NoPlantedLinkIsWrittenThrough) {
  const test::TemporaryFolder folder;
  const fs::path victim = folder.write("victim", "precious");
  fs::create_symlink(victim, folder / fmt::format(".a.txt.partial-{}-{}", host_name(), ::getpid()));
  AtomicFile file(folder / "a.txt");
  std::ofstream(file.temporary()) << "new";
  file.commit();
  EXPECT_EQ(test::content(victim), "precious");
  EXPECT_FALSE(fs::is_symlink(folder / "a.txt"));
  EXPECT_EQ(test::content(folder / "a.txt"), "new");
}

TEST(AtomicFile, ALinkOfAnotherUserIsNotFollowed) {
  const test::TemporaryFolder folder;
  const fs::path victim = folder.write("victim", "precious");
  fs::create_symlink(victim, folder / "link");
  fs::create_symlink("link", folder / "first");
  // Only root can make it that of another.
  const bool foreign = ::lchown((folder / "link").c_str(), 12345, 12345) == 0;
  EXPECT_EQ(AtomicFile(folder / "first").target(), fs::canonical(victim)) << "a folder that is not open to all";
  fs::permissions(folder.path(), fs::perms::all | fs::perms::sticky_bit);
  for (const char* const name : {"link", "first"}) {
    if (foreign) {
      test::expect_error(Failure::file, {"link'", "a symbolic link of another user"},
                         [&] { (void)AtomicFile(folder / name); });
    } else {
      EXPECT_EQ(AtomicFile(folder / name).target(), fs::canonical(victim));
    }
  }
  EXPECT_EQ(test::content(victim), "precious");
  // In a folder of theirs they may have any.
  EXPECT_EQ(::lchown(folder.path().c_str(), foreign ? 12345 : ::getuid(), ::getgid()), 0);
  EXPECT_EQ(AtomicFile(folder / "link").target(), fs::canonical(victim));
}

TEST(AtomicFile, WritesPieceByPiece) {
  const test::TemporaryFolder folder;
  AtomicFile file(folder / "a.txt");
  file.write("one ");
  file.write(std::string(100000, 'x'));
  file.commit();
  EXPECT_EQ(test::content(folder / "a.txt"), "one " + std::string(100000, 'x'));
}

TEST(AtomicFile, WhatTheDeadLeftIsRemovedAndNothingElse) {
  const test::TemporaryFolder folder;
  const pid_t dead = sleeping_child([&](const std::function<void()>& ready) {
    const AtomicFile file(folder / "a.txt");
    ready();
    ::pause();
  });
  kill_and_wait(dead);
  EXPECT_EQ(folder.entries(), 1U);
  const pid_t living = sleeping_child([&](const std::function<void()>& ready) {
    const AtomicFile file(folder / "b.txt");
    ready();
    ::pause();
  });
  for (const char* const name :
       {".c.txt.partial-0123456789abcdef", ".a.txt.partial-0123456789abcde", ".a.txt.partial-0123456789abcdefg",
        ".a.txt.partial-0123456789abcdeX", "a.txt.partial-0123456789abcdef", ".a.txt.part-0123456789abcdef"}) {
    (void)folder.write(name, "of somebody else");
  }
  const fs::path victim = folder.write("victim", "precious");
  fs::create_symlink(victim, folder / ".a.txt.partial-1111111111111111");
  ASSERT_EQ(::mkfifo((folder / ".a.txt.partial-2222222222222222").c_str(), 0600), 0);

  EXPECT_EQ(folder.entries(), 11U);
  {
    const AtomicFile first(folder / "a.txt");
    const AtomicFile second(folder / "a.txt");
    const AtomicFile third(folder / "b.txt");
    EXPECT_TRUE(fs::exists(first.temporary()));
    EXPECT_EQ(folder.entries(), 13U) << "all but that of the dead, and three more";
  }
  EXPECT_EQ(folder.entries(), 10U);
  remove_partial_files(folder.path(), "", /*sole_writer=*/true);
  EXPECT_EQ(folder.entries(), 4U) << "no hidden partial file, the victim, and what is being written";
  kill_and_wait(living);
  EXPECT_EQ(test::content(victim), "precious");
}

TEST(AtomicFile, AChildOfTheDeadMayStillWriteIt) {
  const test::TemporaryFolder folder;
  std::array<int, 2> end{};
  ASSERT_EQ(::pipe(end.data()), 0);
  const pid_t job = sleeping_child([&](const std::function<void()>& ready) {
    const AtomicFile file(folder / "a.txt");
    if (::fork() == 0) {
      ::close(end[1]);
      ready();
      char byte = 0;
      (void)!::read(end[0], &byte, 1);  // until the test lets go
      ::_exit(0);
    }
    ::pause();
  });
  kill_and_wait(job);
  { const AtomicFile other(folder / "a.txt"); }
  EXPECT_EQ(folder.entries(), 1U);
  ::close(end[1]);
  for (int wait = 0; wait < 1000 && folder.entries() > 0; ++wait) {
    ::usleep(10000);
    const AtomicFile other(folder / "a.txt");
  }
  ::close(end[0]);
  EXPECT_EQ(folder.entries(), 0U);
}

TEST(AtomicFile, ManyWritersOfOneFileDoNotTakeItFromEachOther) {
  constexpr int writers = 6;
  constexpr int times = 150;
  const test::TemporaryFolder folder;
  std::array<pid_t, writers> children{};
  for (pid_t& child : children) {
    child = ::fork();
    if (child != 0) continue;
    int problems = 0;
    for (int i = 0; i < times; ++i) {
      try {
        AtomicFile file(folder / "a.txt");
        file.write("whole");
        file.commit();
      } catch (const Error&) {
        ++problems;
      }
    }
    ::_exit(problems == 0 ? 0 : 1);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  EXPECT_EQ(test::content(folder / "a.txt"), "whole");
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(AtomicFile, RefusesWhatIsNoRegularFile) {
  const test::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  test::expect_error(Failure::file, {"pipe", "it is a pipe, not a regular file"},
                     [&] { (void)AtomicFile(folder / "pipe"); });
  test::expect_error(Failure::file, {"/dev/null", "not a regular file"}, [&] { (void)AtomicFile("/dev/null"); });
  EXPECT_EQ(folder.entries(), 1U);
}

TEST(AtomicFile, MovingEmptiesTheSource) {
  const test::TemporaryFolder folder;
  AtomicFile first(folder / "a.txt");
  AtomicFile second(folder / "b.txt");
  second = std::move(first);
  EXPECT_EQ(folder.entries(), 1U) << "the file that was assigned to is given up";
  EXPECT_TRUE(first.temporary().empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  second.commit();
  EXPECT_TRUE(fs::exists(folder / "a.txt"));
}

TEST(AtomicFile, SaysWhatIsWrongWithTheTarget) {
  const test::TemporaryFolder folder;
  const fs::path file = folder.write("file", "");
  const std::string missing = folder / "no folder";
  test::expect_error(Failure::file, {"no such folder", missing}, [&] { AtomicFile(missing + "/a.txt"); });
  test::expect_error(Failure::file, {"not a folder", file.string()}, [&] { AtomicFile(file / "a.txt"); });
  test::expect_error(Failure::file, {"is a folder"}, [&] { AtomicFile{folder.path()}; });
  test::expect_error(Failure::file, {"no file name"}, [&] { AtomicFile(folder / ""); });
}

}  // namespace
}  // namespace rbmpi
