#include <cstddef>
#include <functional>
#include <string>
#include <utility>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include "rbmpi/import/import.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace {

std::function<void()> before_next_read;

}  // namespace

/// Stands before the library's own in this program: what a test wants to happen between two reads happens here.
extern "C" ssize_t read(int file, void* buffer, std::size_t length) {
  static const auto library = reinterpret_cast<ssize_t (*)(int, void*, std::size_t)>(::dlsym(RTLD_NEXT, "read"));
  if (before_next_read) std::exchange(before_next_read, nullptr)();
  return library(file, buffer, length);
}

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

/// Importers of a file that is written to in place while it is read.
class ImportChangedTest : public testing::Test {
 protected:
  template <typename Import>
  void refused(const Import& import, const std::string& name, const std::string& new_content) const {
    before_next_read = [&] { (void)folder_.write(name, new_content); };
    test::expect_error(Failure::file, {"'" + (folder_ / name).string() + "' changed while it was read"}, import);
    EXPECT_FALSE(before_next_read) << "nothing was read";
    EXPECT_EQ(made_.entries(), 0U) << "nothing is left behind";
  }

  test::TemporaryFolder folder_;
  test::TemporaryFolder made_;
};

TEST_F(ImportChangedTest, Text) {
  const std::string table = "1,2\n3,200\n";
  ImportOptions options;
  options.output = made_ / "a.h5";
  // Overwritten by what is as long, or by the same; grown by a row, or without a visible change.
  for (const std::string& content : {std::string("5,2\n3,200\n"), table, table + "5,6\n", table + "\n"}) {
    options.file = folder_.write("a.csv", table);
    refused([&] { (void)import_file(options); }, "a.csv", content);
  }
}

TEST_F(ImportChangedTest, Idx) {
  using namespace std::string_literals;
  const std::string images = "\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x01\x05\x06"s;
  const std::string labels = "\0\0\x08\x01\0\0\0\x02\x01\x02"s;
  ImportOptions options;
  options.file = folder_.write("images", images);
  options.table.labels = folder_.write("labels", labels);
  options.output = made_ / "a.h5";
  refused([&] { (void)import_file(options); }, "images", images);
  refused([&] { (void)import_file(options); }, "labels", labels);
}

}  // namespace
}  // namespace rbmpi
