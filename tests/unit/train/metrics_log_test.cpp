#include "rbmpi/train/metrics_log.hpp"

#include <gtest/gtest.h>

#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

class MetricsLogTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  fs::path file_ = folder_ / "metrics.jsonl";
};

TEST_F(MetricsLogTest, LinesAreAppended) {
  MetricsLog log(file_);
  log.write();
  EXPECT_EQ(test::content(file_), "");
  for (const char* line : {"a", "b"}) {
    log.add(line);
    log.write();
  }
  EXPECT_EQ(test::content(file_), "a\nb\n");
  EXPECT_EQ(log.text(), "a\nb\n");
}

TEST_F(MetricsLogTest, ARunGoesOnWithItsLines) {
  for (const char* old : {"", "one\n", "one\ntwo\n", "one\ntwo\nthree\n", "one\ntw", "strange"}) {
    (void)folder_.write("metrics.jsonl", old);
    MetricsLog log(file_, "one\ntwo\n");
    EXPECT_EQ(test::content(file_), old) << "not touched yet";
    log.restore();
    EXPECT_EQ(test::content(file_), "one\ntwo\n");
    log.add("3");
    log.write();
    EXPECT_EQ(test::content(file_), "one\ntwo\n3\n");
  }
}

TEST_F(MetricsLogTest, WhatCouldNotBeWrittenIsWrittenLater) {
  const fs::path run = folder_ / "run";
  MetricsLog log(run / "metrics.jsonl");
  log.add("a");
  test::expect_error(Failure::file, {"metrics.jsonl", "No such file"}, [&] { log.write(); });
  test::expect_error(Failure::file, {"metrics.jsonl", "run"}, [&] { log.restore(); });
  log.add("b");
  fs::create_directory(run);
  log.write();
  EXPECT_EQ(test::content(run / "metrics.jsonl"), "a\nb\n");
}

TEST_F(MetricsLogTest, AFileThatSomebodyChangedIsMadeRight) {
  MetricsLog log(file_);
  log.add("long line");
  log.write();
  for (const char* changed : {"", "long line\n", "long", "long line\nand more\nand more\n"}) {
    (void)folder_.write("metrics.jsonl", changed);
    log.add("x");
    log.write();
    EXPECT_EQ(test::content(file_), log.text());
  }
  fs::remove(file_);
  log.write();
  EXPECT_EQ(test::content(file_), log.text());
}

}  // namespace
}  // namespace rbmpi
