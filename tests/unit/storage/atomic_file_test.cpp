#include "rbmpi/storage/atomic_file.hpp"

#include <fstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

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
    EXPECT_EQ(file.temporary().filename().string().rfind(".a.txt.partial-", 0), 0U);
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

TEST(AtomicFile, RefusesWhatIsNoRegularFile) {
  const test::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  test::expect_error(Failure::file, {"pipe", "not a regular file"}, [&] { (void)AtomicFile(folder / "pipe"); });
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
