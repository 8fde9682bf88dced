#include "rbmpi/storage/file_version.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rbmpi/core/system.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

class FileVersionTest : public testing::Test {
 protected:
  /// That what happens to the file between two reads is noticed.
  void noticed(const std::function<void()>& change) const {
    const FileVersion version(path_);
    version.throw_if_changed();
    change();
    test::expect_error(Failure::file, {"'" + path_.string() + "' changed while it was read"},
                       [&] { version.throw_if_changed(); });
  }

  test::TemporaryFolder folder_;
  fs::path path_ = folder_.write("a.h5", "0123456789");
};

TEST_F(FileVersionTest, AFileThatIsOnlyReadStaysAsItIs) {
  const FileVersion version(path_);
  EXPECT_EQ(test::content(path_), "0123456789");
  version.throw_if_changed();
}

TEST_F(FileVersionTest, EveryChangeIsNoticed) {
  noticed([&] { test::overwrite(path_, 0, "x"); });
  noticed([&] { test::overwrite(path_, 10, "x"); });
  noticed([&] { fs::resize_file(path_, 5); });
  noticed([&] { fs::resize_file(path_, 10); });  // zeros
  noticed([&] { (void)folder_.write("a.h5", "0123456789"); });
  noticed([&] { fs::rename(folder_.write("b.h5", "0123456789"), path_); });
  noticed([&] { fs::remove(path_); });
}

TEST_F(FileVersionTest, OldTimesOfModificationHideNothing) {
  noticed([&] {
    const auto before = fs::last_write_time(path_);
    test::overwrite(path_, 0, "x");
    fs::last_write_time(path_, before);
  });
}

// The clock of the file system goes on every few milliseconds: a write before, and one after, may have the same time.
TEST_F(FileVersionTest, TwoWritesWithinATickOfTheClockAreTwo) {
  for (int i = 0; i < 100; ++i) {
    test::overwrite(path_, 0, "a");
    noticed([&] { test::overwrite(path_, 0, "b"); });
  }
}

// A write gives the file its time when it begins. What is read before it ends is a mixture.
TEST_F(FileVersionTest, AWriteThatGoesOnIsWaitedFor) {
  const std::string old_content(std::size_t{200} << 20U, 'a');
  const fs::path path = folder_.write("large", old_content);
  const std::string new_content(old_content.size(), 'b');
  std::thread writer([&] {
    const Descriptor file(::open(path.c_str(), O_WRONLY));
    EXPECT_EQ(::pwrite(file.number(), new_content.data(), new_content.size(), 0),
              static_cast<ssize_t>(new_content.size()));
  });
  const Descriptor file(::open(path.c_str(), O_RDONLY));
  const auto letter_at = [&](std::size_t place) {
    char letter = '?';
    EXPECT_EQ(::pread(file.number(), &letter, 1, static_cast<off_t>(place)), 1);
    return letter;
  };
  while (letter_at(0) == 'a') std::this_thread::yield();
  const FileVersion version(path);
  EXPECT_EQ(letter_at(new_content.size() - 1), 'b');
  version.throw_if_changed();
  writer.join();
}

TEST_F(FileVersionTest, AFileThatIsWrittenWithoutEndIsRefused) {
  std::atomic<std::uint64_t> writes = 0;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (; !done; ++writes) test::overwrite(path_, 0, "x");
  });
  test::expect_error(Failure::file, {"a.h5", "changed while it was read"}, [&] {
    const FileVersion version(path_);  // at once, or if the writer has had a pause, after its next write
    for (const std::uint64_t before = writes; writes < before + 2;) std::this_thread::yield();
    version.throw_if_changed();
  });
  done = true;
  writer.join();
}

TEST_F(FileVersionTest, AChangeIsSaidBeforeWhatItMadeFail) {
  const FileVersion version(path_);
  test::expect_error(Failure::usage, {"a reason of its own"},
                     [&] { version.guard([] { throw Error(Failure::usage, "a reason of its own"); }); });
  test::expect_error(Failure::file, {"damaged"}, [&] { version.guard([] { throw Error(Failure::file, "damaged"); }); });
  test::expect_error(Failure::file, {"changed while it was read"}, [&] {
    version.guard([&] {
      test::overwrite(path_, 0, "x");
      throw Error(Failure::file, "damaged");
    });
  });
  test::expect_error(Failure::file, {"changed while it was read"}, [&] { version.guard([] {}); });
}

TEST_F(FileVersionTest, WhatCannotBeLookedAtIsNamed) {
  test::expect_error(Failure::file, {"cannot read", "none.h5", "no such file"},
                     [&] { const FileVersion version(folder_ / "none.h5"); });
}

}  // namespace
}  // namespace rbmpi
