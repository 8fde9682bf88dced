#include "rbmpi/train/run_folder.hpp"

#include <gtest/gtest.h>

#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

TEST(RunFolderTest, IsMadeWithTheFoldersAboveIt) {
  const test::TemporaryFolder folder;
  const RunFolder run(folder / "runs" / "a");
  run.check();
  EXPECT_EQ(folder.entries(), 0U) << "a check changes nothing";
  run.create("hidden = 3\n");
  run.append_metrics(R"({"epoch":1})");
  run.append_metrics(R"({"epoch":2})");
  EXPECT_EQ(test::content(folder / "runs/a/config.ini"), "hidden = 3\n");
  EXPECT_EQ(test::content(folder / "runs/a/metrics.jsonl"), "{\"epoch\":1}\n{\"epoch\":2}\n");
  EXPECT_EQ(run.model(), folder / "runs/a/model.h5");
}

TEST(RunFolderTest, AnEmptyFolderWillDo) {
  const test::TemporaryFolder folder;
  const RunFolder run(folder.path());
  run.check();
  run.create("");
  EXPECT_TRUE(fs::exists(folder / "config.ini"));
}

TEST(RunFolderTest, AFolderWithAnotherRunIsRefused) {
  for (const char* name : {"config.ini", "metrics.jsonl", "model.h5"}) {
    const test::TemporaryFolder folder;
    const fs::path file = folder.write(name, "old");
    test::expect_error(Failure::file, {folder.path().string(), "another run", name},
                       [&] { RunFolder(folder.path()).check(); });
    EXPECT_EQ(test::content(file), "old");
  }
}

TEST(RunFolderTest, AFileInItsPlaceIsRefused) {
  const test::TemporaryFolder folder;
  const fs::path file = folder.write("a", "");
  for (const fs::path& path : {file, file / "b", file / "b" / "c"}) {
    test::expect_error(Failure::file, {path.string(), "'" + file.string() + "' is no folder"},
                       [&] { RunFolder(path).check(); });
    test::expect_error(Failure::file, {path.string()}, [&] { RunFolder(path).create(""); });
  }
}

TEST(RunFolderTest, AFolderThatCannotBeWrittenIsRefused) {
  // Nobody, not even root, can make files here.
  const RunFolder run("/proc/runs/a");
  test::expect_error(Failure::file, {"cannot write the output folder '/proc/runs/a'"}, [&] {
    run.check();  // says so already, unless the user is root
    run.create("");
  });
  test::expect_error(Failure::file, {"/proc/runs/a/metrics.jsonl"}, [&] { run.append_metrics("{}"); });
}

}  // namespace
}  // namespace rbmpi
