#include "rbmpi/storage/npz_file.hpp"

#include <gtest/gtest.h>

#include "rbmpi/storage/numpy_header.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

TEST(NpzFileTest, ArraysComeBack) {
  const test::TemporaryFolder folder;
  const std::vector<NumpyArray> arrays = {{"matrix", {2, 3}, {1, 2, 3, 4, 5, 6.5F}}, {"vector", {2}, {-1, 0}}};
  write_npz(folder / "a.npz", arrays);
  EXPECT_EQ(folder.entries(), 1U);
  const NpzFile file(folder / "a.npz");
  EXPECT_EQ(file.names(), (std::vector<std::string>{"matrix", "vector"}));
  EXPECT_TRUE(file.has("vector"));
  EXPECT_FALSE(file.has("other"));
  for (const NumpyArray& array : arrays) {
    const NumpyArray read = file.read(array.name);
    EXPECT_EQ(read.shape, array.shape);
    EXPECT_EQ(read.values, array.values);
  }
  test::expect_error(Failure::file, {"a.npz", "'other'"}, [&] { static_cast<void>(file.read("other")); });
}

TEST(NpzFileTest, WhatIsNoArchiveIsRefused) {
  const test::TemporaryFolder folder;
  const auto refused = [](const std::filesystem::path& path, const std::string& fragment) {
    test::expect_error(Failure::file, {path.filename().string(), fragment}, [&] { const NpzFile file(path); });
  };
  refused(folder / "none.npz", "no such file");
  refused(folder.path(), "it is a folder");
  refused(folder.write("text.npz", "no archive"), "no sound .npz file");
  refused(folder.write("empty.npz", ""), "no sound .npz file");
  test::expect_error(Failure::file, {"no such folder"}, [&] { write_npz(folder / "no/a.npz", {}); });
}

TEST(NumpyHeaderTest, ItIsAlignedAndComesBack) {
  for (const std::vector<std::uint64_t>& shape :
       std::vector<std::vector<std::uint64_t>>{{7}, {784, 500}, {1, 4194304}}) {
    const std::string header = numpy_header(shape);
    EXPECT_EQ(header.size() % 64, 0U);
    EXPECT_EQ(header.back(), '\n');
    EXPECT_EQ(parse_numpy_header(std::string_view(header).substr(10)).shape, shape);
  }
}

}  // namespace
}  // namespace rbmpi
