#include "rbmpi/storage/contained_read.hpp"

#include <csignal>

#include <gtest/gtest.h>
#include <unistd.h>

#include "rbmpi/data/dataset_file.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

fs::path kept_file(const char* name) {
  return fs::path(RBMPI_SOURCE_FOLDER) / "tests/data/hostile" / name;
}

const fs::path digits = fs::path(RBMPI_SOURCE_FOLDER) / "data/digits.h5";

std::string open(const fs::path& path) {
  return read_in_child(path, [&] { return std::to_string(DatasetReader(path).info().rows); });
}

TEST(ContainedReadTest, ResultsAndErrorsComeBack) {
  EXPECT_EQ(open(digits), "1797");
  test::expect_error(Failure::file, {"cannot read '/none.h5': no such file"}, [] { (void)open("/none.h5"); });
}

TEST(ContainedReadTest, ACrashOfTheLibraryIsSaidToBeOne) {
  test::expect_error(Failure::file, {"digits.h5': the HDF5 library crashed on it", "(SIGSEGV)"}, [] {
    (void)read_in_child(digits, [] {
      std::raise(SIGSEGV);
      return std::string();
    });
  });
}

TEST(ContainedReadTest, AnEndlessLoopOfTheLibraryEnds) {
  test::expect_error(Failure::file, {"endless.h5", "within 10 s of processor time"},
                     [] { (void)open(kept_file("endless.h5")); });
}

TEST(ContainedReadTest, AFileThatChangesBetweenTwoReadsIsRefused) {
  const test::TemporaryFolder folder;
  const auto change = [&] { (void)folder.write("a.h5", test::content(digits)); };
  change();
  const std::vector<std::string> fragments = {"'" + (folder / "a.h5").string() + "' changed while it was read"};
  test::expect_error(Failure::file, fragments, [&] {
    (void)read_in_child(folder / "a.h5", [&] {
      const DatasetReader reader(folder / "a.h5");
      std::vector<std::byte> row(reader.info().columns);
      reader.read_samples(0, 1, row.data());
      change();
      reader.read_samples(1, 1, row.data());
      return std::string();
    });
  });

  const pid_t parent = ::getpid();
  for (const bool in_child : {false, true}) {
    test::expect_error(Failure::file, fragments, [&] {
      (void)read_after_trial(folder / "a.h5", [&] {
        const DatasetReader reader(folder / "a.h5");
        if (in_child == (::getpid() != parent)) change();
        return reader.info().rows;
      });
    });
  }
  EXPECT_EQ(read_after_trial(folder / "a.h5", [&] { return DatasetReader(folder / "a.h5").info().rows; }), 1797U);
}

}  // namespace
}  // namespace rbmpi
