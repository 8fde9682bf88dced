#include "rbmpi/train/run_folder.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/storage/atomic_file.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

TEST(RunFolderTest, IsMadeWithTheFoldersAboveIt) {
  const test::TemporaryFolder folder;
  const RunFolder run(folder / "runs" / "a");
  run.check();
  EXPECT_EQ(folder.entries(), 0U) << "a check changes nothing";
  run.create();
  run.create();  // may be there
  run.write_configuration("hidden = 3\n");
  run.write_configuration("hidden = 4\n");
  EXPECT_EQ(test::content(folder / "runs/a/config.ini"), "hidden = 4\n");
  EXPECT_EQ(run.model(), folder / "runs/a/model.h5");
}

TEST(RunFolderTest, AFileInItsPlaceIsRefused) {
  const test::TemporaryFolder folder;
  const fs::path file = folder.write("a", "");
  for (const fs::path& path : {file, file / "b", file / "b" / "c"}) {
    test::expect_error(Failure::file, {path.string(), fmt::format("'{}' is no folder", file.string())},
                       [&] { RunFolder(path).check(); });
    test::expect_error(Failure::file, {path.string()}, [&] {
      RunFolder(path).create();
      RunFolder(path).write_configuration("");
    });
  }
}

TEST(RunFolderTest, AFolderThatCannotBeWrittenIsRefused) {
  // Nobody, not even root, can make files here.
  const RunFolder run("/proc/runs/a");
  test::expect_error(Failure::file, {"cannot write the output folder '/proc/runs/a'"}, [&] {
    run.check();  // says so already, unless the user is root
    run.create();
  });
}

TEST(RunFolderTest, CheckpointsAreFoundByTheirNamesTheNewestFirst) {
  const test::TemporaryFolder folder;
  const RunFolder run(folder.path());
  EXPECT_THAT(run.checkpoints(), ElementsAre());
  EXPECT_THAT(RunFolder(folder / "nowhere").checkpoints(), ElementsAre());
  for (const char* name :
       {"checkpoint-9.h5", "checkpoint-100.h5", "checkpoint-20.h5", "checkpoint-0.h5", "checkpoint-.h5",
        "checkpoint-h5", "checkpoint-7.h5.damaged", "checkpoint-007.h5", ".checkpoint-8.h5.partial-a-1",
        "checkpoint--3.h5", "checkpoint-99999999999999999999.h5", "snapshot-5.h5", "model.h5"}) {
    (void)folder.write(name, "");
  }
  EXPECT_THAT(run.checkpoints(), ElementsAre(100, 20, 9, 0));
  EXPECT_EQ(run.checkpoint(20), folder / "checkpoint-20.h5");
  EXPECT_EQ(run.snapshot(20), folder / "snapshot-20.h5");
}

TEST(RunFolderTest, OldCheckpointsGoButNotNewerOnes) {
  const test::TemporaryFolder folder;
  const RunFolder run(folder.path());
  for (const std::uint64_t steps : {10U, 20U, 30U, 40U, 50U}) (void)folder.write(run.checkpoint(steps).filename(), "");
  run.remove_old_checkpoints(40, 2);
  EXPECT_THAT(run.checkpoints(), ElementsAre(50, 40, 30));
  EXPECT_EQ(run.set_aside(50, "damaged").filename(), "checkpoint-50.h5.damaged");
  EXPECT_THAT(run.checkpoints(), ElementsAre(40, 30));
  EXPECT_TRUE(fs::exists(folder / "checkpoint-50.h5.damaged"));
  test::expect_error(Failure::file, {"checkpoint-50.h5"}, [&] { (void)run.set_aside(50, "damaged"); });
}

TEST(RunFolderTest, HalfWrittenFilesAreRemoved) {
  const test::TemporaryFolder folder;
  for (const char* name : {".checkpoint-8.h5.partial-0123456789abcdef", ".model.h5.partial-00000000000000ff", ".hidden",
                           "a.partial-0123456789abcdef"}) {
    (void)folder.write(name, "");
  }
  const AtomicFile page(folder / "report.html");  // that another command is just writing
  RunFolder(folder.path()).remove_partial_files();
  EXPECT_TRUE(fs::exists(folder / ".hidden"));
  EXPECT_TRUE(fs::exists(folder / "a.partial-0123456789abcdef"));
  EXPECT_TRUE(fs::exists(page.temporary()));
  EXPECT_EQ(folder.entries(), 3U);
}

TEST(RunFolderTest, IsMovedAsideAsOftenAsNeeded) {
  const test::TemporaryFolder folder;
  for (const char* number : {"1", "2"}) {
    // A slash at the end is a way to write the name of a folder.
    const RunFolder run((folder / "a").string() + (*number == '1' ? "/" : ""));
    run.create();
    run.write_configuration(number);
    const fs::path aside = run.move_aside();
    EXPECT_EQ(aside.string(), (folder / "a.old-").string() + number);
    EXPECT_TRUE(fs::is_empty(folder / "a"));
    EXPECT_EQ(test::content(aside / "config.ini"), number);
  }
}

TEST(RunFolderTest, TheNameOfOneThatWasMovedTellsWhereItWas) {
  EXPECT_EQ(RunFolder::before_move("runs/a.old-12"), "runs/a");
  EXPECT_EQ(RunFolder::before_move("runs/a.old-1.old-2/"), "runs/a.old-1");
  for (const char* other : {"runs/a", "a.old-", "a.old-x", "a2", "12", "a.old-1/b"})
    EXPECT_EQ(RunFolder::before_move(other), other);
}

TEST(RunFolderTest, ALinkToItStaysAndLeadsToTheNewOne) {
  const test::TemporaryFolder folder;
  fs::create_directory(folder / "scratch");
  fs::create_directory_symlink(folder / "scratch", folder / "a");
  const RunFolder run(folder / "a");
  run.write_configuration("old");
  const fs::path aside = run.move_aside();
  EXPECT_EQ(aside.filename(), "scratch.old-1");
  EXPECT_EQ(test::content(aside / "config.ini"), "old");
  EXPECT_TRUE(fs::is_symlink(folder / "a"));
  EXPECT_TRUE(fs::is_empty(folder / "a"));
}

TEST(RunFolderTest, NothingThatWasSetAsideIsReplaced) {
  const test::TemporaryFolder folder;
  const RunFolder run(folder.path());
  for (const char* name : {"checkpoint-5.h5.damaged", "checkpoint-5.h5.damaged-2", "checkpoint-5.h5.damaged-3"}) {
    (void)folder.write("checkpoint-5.h5", name);
    EXPECT_EQ(run.set_aside(5, "damaged").filename(), name);
    EXPECT_EQ(test::content(folder / name), name);
  }
}

}  // namespace
}  // namespace rbmpi
