#include "rbmpi/storage/contained_read.hpp"

#include <csignal>

#include <gtest/gtest.h>

#include "rbmpi/data/dataset_file.hpp"
#include "support/expect_error.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

fs::path kept_file(const char* name) {
  return fs::path(RBMPI_SOURCE_FOLDER) / "tests/data/hostile" / name;
}

std::string open(const fs::path& path) {
  return read_in_child(path, [&] { return std::to_string(DatasetReader(path).info().rows); });
}

TEST(ContainedReadTest, ResultsAndErrorsComeBack) {
  EXPECT_EQ(open(fs::path(RBMPI_SOURCE_FOLDER) / "data/digits.h5"), "1797");
  test::expect_error(Failure::file, {"cannot read '/none.h5': no such file"}, [] { (void)open("/none.h5"); });
}

TEST(ContainedReadTest, ACrashOfTheLibraryIsSaidToBeOne) {
  test::expect_error(Failure::file, {"cannot read 'a.h5': the HDF5 library crashed on it", "(SIGSEGV)"}, [] {
    (void)read_in_child("a.h5", [] {
      std::raise(SIGSEGV);
      return std::string();
    });
  });
}

TEST(ContainedReadTest, AnEndlessLoopOfTheLibraryEnds) {
  test::expect_error(Failure::file, {"endless.h5", "within 10 s of processor time"},
                     [] { (void)open(kept_file("endless.h5")); });
}

}  // namespace
}  // namespace rbmpi
