#include "rbmpi/storage/hdf5_file.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iterator>
#include <limits>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
namespace fs = std::filesystem;

std::string content(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class Hdf5FileTest : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  fs::path path_ = folder_ / "a.h5";
};

TEST_F(Hdf5FileTest, ArraysOfEveryTypeComeBack) {
  const std::vector<std::uint8_t> bytes = {0, 1, 254, 255};
  const std::vector<std::int32_t> integers = {-7, std::numeric_limits<std::int32_t>::max()};
  const std::vector<float> floats = {0.1F, -3.0F};
  const std::vector<double> doubles = {1.0 / 3.0};
  Hdf5File file = Hdf5File::create(path_);
  file.create_array("/bytes", ElementType::uint8, {2, 2});
  file.write_rows("/bytes", ElementType::uint8, 0, 2, bytes.data());
  file.create_array("/group/deep/integers", ElementType::int32, {2});
  file.write_rows("/group/deep/integers", ElementType::int32, 0, 2, integers.data());
  file.create_array("/floats", ElementType::float32, {1, 2}, {.chunk_rows = 1, .deflate = 4});
  file.write_rows("/floats", ElementType::float32, 0, 1, floats.data());
  file.create_array("/doubles", ElementType::float64, {1});
  file.write_rows("/doubles", ElementType::float64, 0, 1, doubles.data());
  file.close();

  const Hdf5File again = Hdf5File::open(path_);
  std::vector<std::uint8_t> row(2);
  again.read_rows("/bytes", ElementType::uint8, 1, 1, row.data());
  EXPECT_THAT(row, ElementsAre(254, 255));
  std::vector<std::int32_t> read_integers(2);
  again.read_rows("/group/deep/integers", ElementType::int32, 0, 2, read_integers.data());
  EXPECT_EQ(read_integers, integers);
  std::vector<float> read_floats(2);
  again.read_rows("/floats", ElementType::float32, 0, 1, read_floats.data());
  EXPECT_EQ(read_floats, floats);
  std::vector<double> read_doubles(1);
  again.read_rows("/doubles", ElementType::float64, 0, 1, read_doubles.data());
  EXPECT_EQ(read_doubles, doubles);

  const ArrayInfo info = again.array_info("/floats");
  EXPECT_EQ(info.type, ElementType::float32);
  EXPECT_EQ(info.type_name, "float32");
  EXPECT_FALSE(info.integers);
  EXPECT_THAT(info.dimensions, ElementsAre(1, 2));
  EXPECT_EQ(info.chunks.rows, 1U);
  EXPECT_GT(info.chunks.row_work, 8.0);
  EXPECT_EQ(again.array_info("/bytes").chunks.rows, 1U);
  EXPECT_EQ(again.array_info("/bytes").chunks.row_work, 2.0);
  EXPECT_TRUE(again.array_info("/bytes").integers);
}

TEST_F(Hdf5FileTest, RowsAreReadFromAnArrayThatStaysOpen) {
  std::vector<std::uint8_t> bytes(50 * 30);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * i % 251);
  Hdf5File file = Hdf5File::create(path_);
  file.create_array("/one", ElementType::uint8, {50, 30});
  file.create_array("/chunks", ElementType::uint8, {50, 30}, {.chunk_rows = 7});
  file.create_array("/packed", ElementType::uint8, {50, 30}, {.chunk_rows = 7, .deflate = 1});
  for (const char* name : {"/one", "/chunks", "/packed"})
    file.write_rows(name, ElementType::uint8, 0, 50, bytes.data());
  file.close();

  const Hdf5File again = Hdf5File::open(path_);
  for (const char* name : {"/one", "/chunks", "/packed"}) {
    EXPECT_EQ(again.array_info(name).chunks.single_rows, std::string(name) != "/packed");
    const Hdf5Rows rows = again.rows(name, ElementType::uint8);
    const auto expect_rows = [&](std::uint64_t first, std::uint64_t count) {
      std::vector<std::uint8_t> values(count * 30);
      rows.read(first, count, values.data());
      EXPECT_TRUE(std::ranges::equal(values, std::span(bytes).subspan(first * 30, values.size()))) << name;
    };
    expect_rows(0, 50);
    expect_rows(6, 1);
    expect_rows(7, 15);
    expect_rows(49, 1);
  }
}

TEST_F(Hdf5FileTest, WiderTypesMayBeReadAndNarrowerOnesNot) {
  const std::vector<std::uint8_t> bytes = {3, 200};
  Hdf5File file = Hdf5File::create(path_);
  file.create_array("/bytes", ElementType::uint8, {2});
  file.write_rows("/bytes", ElementType::uint8, 0, 2, bytes.data());
  std::vector<double> doubles(2);
  file.read_rows("/bytes", ElementType::float64, 0, 2, doubles.data());
  EXPECT_THAT(doubles, ElementsAre(3.0, 200.0));
  std::vector<std::int64_t> wide(2);
  file.read_integers("/bytes", 0, 2, wide.data());
  EXPECT_THAT(wide, ElementsAre(3, 200));

  file.create_array("/doubles", ElementType::float64, {1});
  file.write_rows("/doubles", ElementType::float64, 0, 1, doubles.data());
  float narrow = 0.0F;
  test::expect_error(Failure::file, {"a.h5", "'/doubles' holds float64, not float32"},
                     [&] { file.read_rows("/doubles", ElementType::float32, 0, 1, &narrow); });
  test::expect_error(Failure::file, {"'/doubles' holds float64, not integers"},
                     [&] { file.read_integers("/doubles", 0, 1, wide.data()); });
}

TEST_F(Hdf5FileTest, NumbersAreReadAsDoublesAlongAndAcross) {
  const std::vector<std::uint8_t> bytes = {1, 2, 3, 4, 5, 255};
  constexpr std::int64_t most = std::int64_t{1} << 53U;
  const std::vector<std::int64_t> integers = {-most, most, 0};
  const std::vector<std::int64_t> beyond = {0, most + 1, -most - 1};
  const std::vector<float> floats = {0.5F, -0.1F};
  Hdf5File file = Hdf5File::create(path_);
  file.create_array("/bytes", ElementType::uint8, {2, 3}, {.chunk_rows = 1, .deflate = 1});
  file.write_rows("/bytes", ElementType::uint8, 0, 2, bytes.data());
  file.create_array("/integers", ElementType::int64, {3});
  file.write_rows("/integers", ElementType::int64, 0, 3, integers.data());
  file.create_array("/beyond", ElementType::int64, {3});
  file.write_rows("/beyond", ElementType::int64, 0, 3, beyond.data());
  file.create_array("/floats", ElementType::float32, {2});
  file.write_rows("/floats", ElementType::float32, 0, 2, floats.data());
  file.create_texts("/texts", 1, 1);
  file.append_texts("/texts", std::vector<std::string>{"a"});
  file.close();

  const Hdf5File again = Hdf5File::open(path_);
  std::vector<double> row(3);
  again.read_numbers("/bytes", 1, 1, row.data());
  EXPECT_THAT(row, ElementsAre(4, 5, 255));
  std::vector<double> across(4);
  again.read_numbers_across("/bytes", 1, 2, across.data());
  EXPECT_THAT(across, ElementsAre(2, 3, 5, 255));
  test::expect_error(Failure::file, {"columns 2 to 4 are beyond the 3"},
                     [&] { again.read_numbers_across("/bytes", 2, 2, across.data()); });
  again.read_numbers("/integers", 0, 3, row.data());
  EXPECT_THAT(row, ElementsAre(-9007199254740992.0, 9007199254740992.0, 0));
  for (const std::uint64_t place : {1U, 2U}) {
    test::expect_error(Failure::file, {"'/beyond'", place == 1 ? "9007199254740993" : "-9007199254740993", "2^53"},
                       [&] { again.read_numbers("/beyond", place, 1, row.data()); });
  }
  std::vector<double> two(2);
  again.read_numbers("/floats", 0, 2, two.data());
  EXPECT_THAT(two, ElementsAre(0.5, static_cast<double>(-0.1F)));
  test::expect_error(Failure::file, {"'/texts' holds string", "truth values would be right"},
                     [&] { again.read_numbers("/texts", 0, 1, row.data()); });
}

TEST_F(Hdf5FileTest, AllArraysAreListed) {
  Hdf5File file = Hdf5File::create(path_);
  file.create_array("/b/c/d", ElementType::int32, {0, 5});
  file.create_texts("/a", 1, 1);
  file.create_group("/empty");
  file.close();
  const Hdf5File again = Hdf5File::open(path_);
  const std::vector<ArrayOutline> arrays = again.arrays();
  ASSERT_EQ(arrays.size(), 2U);
  EXPECT_EQ(arrays[0].name, "/a");
  EXPECT_TRUE(arrays[0].texts);
  EXPECT_FALSE(arrays[0].numbers);
  EXPECT_EQ(arrays[1].name, "/b/c/d");
  EXPECT_TRUE(arrays[1].numbers);
  EXPECT_EQ(arrays[1].type_name, "int32");
  EXPECT_THAT(arrays[1].dimensions, ElementsAre(0, 5));
  EXPECT_EQ(again.outline("/b/c/d").dimensions, arrays[1].dimensions);
  test::expect_error(Failure::file, {"'/b' is not an array"}, [&] { (void)again.outline("/b"); });
}

TEST_F(Hdf5FileTest, RowsAreAppended) {
  const std::vector<std::int32_t> values = {1, 2, 3, 4, 5, 6};
  Hdf5File file = Hdf5File::create(path_);
  file.create_array("/a", ElementType::int32, {0, 2}, {.chunk_rows = 2, .growing = true, .deflate = 1});
  file.append_rows("/a", ElementType::int32, 1, values.data());
  file.append_rows("/a", ElementType::int32, 0, values.data());
  file.append_rows("/a", ElementType::int32, 2, values.data() + 2);
  file.close();
  const Hdf5File again = Hdf5File::open(path_);
  EXPECT_THAT(again.array_info("/a").dimensions, ElementsAre(3, 2));
  std::vector<std::int32_t> read(6);
  again.read_rows("/a", ElementType::int32, 0, 3, read.data());
  EXPECT_EQ(read, values);
}

TEST_F(Hdf5FileTest, AClosedFileTakesMore) {
  const std::vector<std::int32_t> values = {1, 2, 3};
  const auto add = [&](Hdf5File file, const std::string& name) {
    file.create_array(name, ElementType::int32, {3});
    file.write_rows(name, ElementType::int32, 0, 3, values.data());
    file.close();
  };
  add(Hdf5File::create(path_), "/a");
  add(Hdf5File::reopen(path_), "/b");
  const Hdf5File file = Hdf5File::open(path_);
  for (const char* const name : {"/a", "/b"}) {
    std::vector<std::int32_t> read(3);
    file.read_rows(name, ElementType::int32, 0, 3, read.data());
    EXPECT_EQ(read, values) << name;
  }
  test::expect_error(Failure::file, {"cannot write", "gone.h5", "No such file"},
                     [&] { (void)Hdf5File::reopen(folder_ / "gone.h5"); });
  fs::create_symlink(path_, folder_ / "link.h5");
  test::expect_error(Failure::file, {"cannot write", "link.h5"}, [&] { (void)Hdf5File::reopen(folder_ / "link.h5"); });
}

TEST_F(Hdf5FileTest, RowsBeyondTheArrayAreRefused) {
  Hdf5File file = Hdf5File::create(path_);
  file.create_array("/a", ElementType::uint8, {3, 1});
  const std::vector<std::uint8_t> values(3);
  file.write_rows("/a", ElementType::uint8, 0, 3, values.data());
  std::uint8_t value = 0;
  const std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();
  test::expect_error(Failure::file, {"beyond the 3"}, [&] { file.read_rows("/a", ElementType::uint8, 3, 1, &value); });
  test::expect_error(Failure::file, {"beyond the 3"},
                     [&] { file.read_rows("/a", ElementType::uint8, 1, huge, &value); });
  test::expect_error(Failure::file, {"beyond the 3"}, [&] { file.write_rows("/a", ElementType::uint8, 4, 1, &value); });
}

TEST_F(Hdf5FileTest, ChunksLargerThanTheLibrarysCacheAreRead) {
  const std::size_t rows = 3000;
  const std::size_t columns = 1000;
  std::vector<std::uint8_t> values(rows * columns);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i % 251);
  Hdf5File file = Hdf5File::create(path_);
  file.create_array("/a", ElementType::uint8, {rows, columns}, {.chunk_rows = 2000, .deflate = 1});
  file.write_rows("/a", ElementType::uint8, 0, rows, values.data());
  std::vector<std::uint8_t> read(values.size());
  for (std::size_t row = 0; row < rows; row += 500)
    file.read_rows("/a", ElementType::uint8, row, 500, read.data() + row * columns);
  EXPECT_EQ(read, values);
}

TEST_F(Hdf5FileTest, TextsAndAttributesComeBack) {
  Hdf5File file = Hdf5File::create(path_);
  file.write_text("/config", "epochs = 3\n# Größe\n");
  file.write_text("/nothing", "");
  file.create_group("/group");
  file.set_text_attribute("/", "format", "old");
  file.set_text_attribute("/", "format", "rbmpi");
  file.set_real_attribute("/group", "scale", 0.1);
  file.set_integers_attribute("/group", "one", {-5});
  file.set_integers_attribute("/group", "two", {28, 30});
  file.close();

  const Hdf5File again = Hdf5File::open(path_);
  EXPECT_EQ(again.read_text("/config"), "epochs = 3\n# Größe\n");
  EXPECT_EQ(again.read_text("/nothing"), "");
  EXPECT_EQ(again.text_attribute("/", "format"), "rbmpi");
  EXPECT_EQ(again.text_attribute("/", "missing"), std::nullopt);
  EXPECT_EQ(again.real_attribute("/group", "scale"), 0.1);
  EXPECT_EQ(again.real_attribute("/group", "one"), -5.0);
  EXPECT_THAT(*again.integers_attribute("/group", "one"), ElementsAre(-5));
  EXPECT_THAT(*again.integers_attribute("/group", "two"), ElementsAre(28, 30));
  EXPECT_THAT(*again.reals_attribute("/group", "two"), ElementsAre(28.0, 30.0));
  test::expect_error(Failure::file, {"'two'", "not a number"},
                     [&] { static_cast<void>(again.real_attribute("/group", "two")); });
  test::expect_error(Failure::file, {"'format'", "not a number"},
                     [&] { static_cast<void>(again.real_attribute("/", "format")); });
  test::expect_error(Failure::file, {"'scale'", "integers"},
                     [&] { static_cast<void>(again.integers_attribute("/group", "scale")); });
  test::expect_error(Failure::file, {"not a text"},
                     [&] { static_cast<void>(again.text_attribute("/group", "scale")); });
  test::expect_error(Failure::file, {"no text '/missing'"}, [&] { static_cast<void>(again.read_text("/missing")); });
}

TEST_F(Hdf5FileTest, TextsHaveAFixedLength) {
  Hdf5File file = Hdf5File::create(path_);
  const std::string longest(60000, 'x');
  file.set_text_attribute("/", "long", longest);
  file.write_text("/longer", std::string(200000, 'y'));
  test::expect_error(Failure::file, {"a.h5", "attribute 'longer' of '/'", "60001 bytes", "at most 60000"},
                     [&] { file.set_text_attribute("/", "longer", longest + "x"); });
  file.close();
  EXPECT_EQ(content(path_).find("GCOL"), std::string::npos) << "variable-length data is in a heap of that name";
  const Hdf5File again = Hdf5File::open(path_);
  EXPECT_EQ(again.text_attribute("/", "long"), longest);
  EXPECT_EQ(again.text_attribute("/", "longer"), std::nullopt);
  EXPECT_EQ(again.read_text("/longer"), std::string(200000, 'y'));
}

TEST_F(Hdf5FileTest, WhatWasNeverWrittenIsRefused) {
  Hdf5File file = Hdf5File::create(path_);
  file.create_array("/empty", ElementType::float32, {0, 5});
  file.create_array("/plain", ElementType::float32, {10, 5});
  file.create_array("/chunks", ElementType::uint8, {1000, 1000}, {.chunk_rows = 10});
  const std::vector<std::uint8_t> values(10000);
  file.write_rows("/chunks", ElementType::uint8, 990, 10, values.data());
  EXPECT_THAT(file.array_info("/empty").dimensions, ElementsAre(0, 5));
  test::expect_error(Failure::file, {"a.h5", "'/plain' claims 200 bytes", "only 0 bytes"},
                     [&] { static_cast<void>(file.array_info("/plain")); });
  test::expect_error(Failure::file, {"a.h5", "'/chunks' claims 1.0 MB", "only 10.0 kB"},
                     [&] { static_cast<void>(file.array_info("/chunks")); });
  float value = 0;
  test::expect_error(Failure::file, {"'/plain' claims"},
                     [&] { file.read_rows("/plain", ElementType::float32, 0, 1, &value); });
}

TEST_F(Hdf5FileTest, AllThatIsAskedForMayBeAsLongAsTheFile) {
  {
    Hdf5File file = Hdf5File::create(path_);
    const std::vector<std::uint8_t> values(50000);
    file.create_array("/a", ElementType::uint8, {50000});
    file.write_rows("/a", ElementType::uint8, 0, 50000, values.data());
    file.set_text_attribute("/", "text", std::string(40000, 'x'));
    file.write_text("/text", std::string(30000, 'x'));
    file.close();
  }
  for (const Reading reading : {Reading::whole, Reading::in_pieces}) {
    const Hdf5File file = Hdf5File::open(path_, reading);
    std::uint8_t value = 0;
    for (int again = 0; again < 3; ++again) {  // under one name each
      EXPECT_NO_THROW((void)file.array_info("/a"));
      EXPECT_NO_THROW(file.read_rows("/a", ElementType::uint8, 49999, 1, &value));
      EXPECT_NO_THROW((void)file.text_attribute("/", "text"));
      EXPECT_NO_THROW((void)file.read_text("/text"));
    }
    const std::vector<std::string> why = {"a.h5", "come to", "but the file has only",
                                          "several names lead to one object"};
    test::expect_error(Failure::file, why, [&] { file.read_rows("//a", ElementType::uint8, 0, 1, &value); });
    test::expect_error(Failure::file, why, [&] { (void)file.array_info("/./a"); });
    test::expect_error(Failure::file, why, [&] { (void)file.text_attribute("//", "text"); });
    test::expect_error(Failure::file, why, [&] { (void)file.read_text("//text"); });
  }
}

TEST_F(Hdf5FileTest, AttributesHoldFewNumbers) {
  Hdf5File file = Hdf5File::create(path_);
  file.set_integers_attribute("/", "few", std::vector<std::int64_t>(64, 7));
  file.set_integers_attribute("/", "many", std::vector<std::int64_t>(65, 7));
  EXPECT_EQ(file.integers_attribute("/", "few")->size(), 64U);
  test::expect_error(Failure::file, {"'many'", "more than 64"},
                     [&] { static_cast<void>(file.integers_attribute("/", "many")); });
  EXPECT_EQ(file.reals_attribute("/", "few")->size(), 64U);
  test::expect_error(Failure::file, {"'many'", "at most 64"},
                     [&] { static_cast<void>(file.reals_attribute("/", "many")); });
}

TEST_F(Hdf5FileTest, ObjectsAreFoundAndListed) {
  Hdf5File file = Hdf5File::create(path_);
  file.create_group("/b/inner");
  file.create_array("/a", ElementType::uint8, {1});
  EXPECT_TRUE(file.exists("/"));
  EXPECT_TRUE(file.exists("/b/inner"));
  EXPECT_FALSE(file.exists("/b/other"));
  EXPECT_FALSE(file.exists("/missing/inner"));
  EXPECT_FALSE(file.exists("/a/inner")) << "an array has no members";
  test::expect_error(Failure::file, {"a.h5", "no array '/missing'"},
                     [&] { static_cast<void>(file.array_info("/missing")); });
  test::expect_error(Failure::file, {"'/b' is not an array"}, [&] { static_cast<void>(file.array_info("/b")); });
}

TEST_F(Hdf5FileTest, TheNamesInAGroupAreListed) {
  Hdf5File file = Hdf5File::create(path_);
  for (const char* const name : {"/b", "/a", "/a/inner"}) file.create_group(name);
  file.create_array("/a/array", ElementType::uint8, {1});
  EXPECT_EQ(file.names("/"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(file.names("/a"), (std::vector<std::string>{"array", "inner"}));
  EXPECT_EQ(file.names("/b"), std::vector<std::string>());
  test::expect_error(Failure::file, {"there is no '/c'"}, [&] { static_cast<void>(file.names("/c")); });
  test::expect_error(Failure::file, {"'/a/array' is not a group"}, [&] { static_cast<void>(file.names("/a/array")); });
}

TEST_F(Hdf5FileTest, TheSameContentGivesTheSameBytes) {
  const std::uint8_t value = 5;
  const auto write = [&](const fs::path& path) {
    Hdf5File file = Hdf5File::create(path);
    file.create_group("/group");
    file.create_array("/a", ElementType::uint8, {1});
    file.write_rows("/a", ElementType::uint8, 0, 1, &value);
    file.set_text_attribute("/", "format", "rbmpi");
    file.close();
  };
  write(path_);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // HDF5's times are in seconds
  write(folder_ / "b.h5");
  EXPECT_EQ(content(path_), content(folder_ / "b.h5"));
}

TEST_F(Hdf5FileTest, MovingEmptiesTheSource) {
  Hdf5File first = Hdf5File::create(path_);
  Hdf5File second = std::move(first);
  second.create_group("/group");
  first = std::move(second);
  EXPECT_TRUE(first.exists("/group"));
  first.close();
}

// A limit on the length of files, which stands in for a full disk.
class FileLengthLimit {
 public:
  explicit FileLengthLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileLengthLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    static_cast<void>(std::signal(SIGXFSZ, handler_));
  }
  FileLengthLimit(const FileLengthLimit&) = delete;
  FileLengthLimit& operator=(const FileLengthLimit&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

TEST_F(Hdf5FileTest, AFullDiskIsAnErrorWithItsReasonAndTheLibraryGoesOn) {
  const std::vector<std::uint8_t> values(std::size_t{4} << 20U, 7);
  const std::uint64_t rows = values.size();
  for (const ArrayLayout& layout :
       {ArrayLayout{}, ArrayLayout{.chunk_rows = 1000}, ArrayLayout{.chunk_rows = 1U << 19U}}) {
    Hdf5File file = Hdf5File::create(path_, folder_ / "shown.h5");
    file.create_array("/a", ElementType::uint8, {rows}, layout);
    const FileLengthLimit limit(1U << 20U);
    test::expect_error(Failure::file, {"cannot write", "shown.h5", "file too large"},
                       [&] { file.write_rows("/a", ElementType::uint8, 0, rows, values.data()); });
    test::expect_error(Failure::file, {"shown.h5", "file too large"}, [&] { file.close(); });
  }
  Hdf5File file = Hdf5File::create(path_);
  file.create_array("/a", ElementType::uint8, {rows});
  EXPECT_NO_THROW(file.write_rows("/a", ElementType::uint8, 0, rows, values.data()));
  EXPECT_NO_THROW(file.close());
}

TEST_F(Hdf5FileTest, AFullDiskIsFoundWhenTheLastBytesAreWritten) {
  const std::vector<std::uint8_t> values(1000, 7);
  Hdf5File file = Hdf5File::create(path_);
  file.create_array("/a", ElementType::uint8, {1000});
  const FileLengthLimit limit(10);
  try {
    file.write_rows("/a", ElementType::uint8, 0, 1000, values.data());
  } catch (const Error&) {
    // Whether these few bytes are held back until the end is the library's affair.
  }
  test::expect_error(Failure::file, {"a.h5", "file too large"}, [&] { file.close(); });
}

TEST_F(Hdf5FileTest, FilesThatCannotBeOpenedAreNamed) {
  const auto open = [](const fs::path& path) { static_cast<void>(Hdf5File::open(path)); };
  test::expect_error(Failure::file, {"missing.h5", "no such file"}, [&] { open(folder_ / "missing.h5"); });
  test::expect_error(Failure::file, {"folder"}, [&] { open(folder_.path()); });
  const fs::path empty = folder_.write("empty.h5", "");
  test::expect_error(Failure::file, {"empty.h5", "it is empty"}, [&] { open(empty); });
  const fs::path text = folder_.write("text.h5", "label,pixel0\n1,2\n");
  test::expect_error(Failure::file, {"text.h5", "not an HDF5 file"}, [&] { open(text); });
  test::expect_error(Failure::file, {"not a regular file"}, [&] { open("/dev/null"); });
  fs::create_symlink(text, folder_ / "link.h5");
  const std::string before = test::content(text);
  test::expect_error(Failure::file, {"link.h5"}, [&] { (void)Hdf5File::create(folder_ / "link.h5"); });
  EXPECT_EQ(test::content(text), before);
  test::expect_error(Failure::file, {"b.h5"},
                     [&] { static_cast<void>(Hdf5File::create(folder_ / "no folder/a.h5", folder_ / "b.h5")); });
}

TEST_F(Hdf5FileTest, ATruncatedFileIsRefusedWithTheReasonOfHdf5) {
  const std::vector<std::uint8_t> values(10000, 7);
  {
    Hdf5File file = Hdf5File::create(path_);
    file.create_array("/a", ElementType::uint8, {10000});
    file.write_rows("/a", ElementType::uint8, 0, 10000, values.data());
    file.close();
  }
  fs::resize_file(path_, 6000);
  test::expect_error(Failure::file, {"a.h5", "truncated file"}, [&] { static_cast<void>(Hdf5File::open(path_)); });
}

TEST_F(Hdf5FileTest, ADamagedChunkIsRefused) {
  const std::vector<std::uint8_t> values(3000, 7);
  {
    Hdf5File file = Hdf5File::create(path_);
    file.create_array("/a", ElementType::uint8, {30, 100}, {.chunk_rows = 30, .deflate = 4});
    file.write_rows("/a", ElementType::uint8, 0, 30, values.data());
    file.close();
  }
  std::string damaged = content(path_);
  const std::size_t compressed = damaged.find("\x78\x5e");  // how a zlib stream of this level begins
  ASSERT_NE(compressed, std::string::npos);
  damaged.replace(compressed, 6, "damage");
  static_cast<void>(folder_.write("a.h5", damaged));
  const Hdf5File file = Hdf5File::open(path_);
  std::vector<std::uint8_t> read(values.size());
  test::expect_error(Failure::file, {"a.h5", "HDF5 says"},
                     [&] { file.read_rows("/a", ElementType::uint8, 0, 30, read.data()); });
}

}  // namespace
}  // namespace rbmpi
