#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include <archive.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "import/tables.hpp"
#include "rbmpi/storage/hdf5_file.hpp"
#include "rbmpi/storage/npz_file.hpp"
#include "support/expect_error.hpp"
#include "support/gzip.hpp"
#include "support/packed.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;
using Rows = std::vector<std::vector<double>>;

/// All that a table gives.
struct Read {
  Rows values;
  std::vector<std::vector<std::uint32_t>> columns;
  std::vector<double> labels;
  std::vector<std::string> words;
  std::vector<double> weights;
};

Read read(Table& table) {
  Read found;
  table.read([&](const TableRow& row) {
    EXPECT_EQ(row.number, found.values.size());
    found.values.emplace_back(row.values.begin(), row.values.end());
    if (table.info().sparse) found.columns.emplace_back(row.columns.begin(), row.columns.end());
    if (row.label) found.labels.push_back(*row.label);
    if (!row.label_text.empty()) found.words.emplace_back(row.label_text);
    if (table.info().has_weights) found.weights.push_back(row.weight);
  });
  return found;
}

class ArrayTableTest : public testing::Test {
 protected:
  void add(const std::string& name, const std::vector<std::uint64_t>& shape, const std::vector<double>& values) {
    file_.create_array(name, ElementType::float64, shape);
    file_.write_rows(name, ElementType::float64, 0, shape.front(), values.data());
  }
  std::unique_ptr<Table> hdf5(const TableOptions& wishes = {}) {
    file_.close();
    return open_hdf5(path_, wishes);
  }
  void refused(const std::vector<std::string>& fragments, const TableOptions& wishes = {}) {
    file_.close();
    test::expect_error(Failure::file, fragments, [&] { (void)read(*open_hdf5(path_, wishes)); });
  }

  test::TemporaryFolder folder_;
  fs::path path_ = folder_ / "a.h5";
  Hdf5File file_ = Hdf5File::create(path_);
};

TEST_F(ArrayTableTest, SamplesAndLabelsAreFoundByTheirNames) {
  add("/x_test", {2, 2}, {7, 8, 9, 10});
  add("/x_train", {3, 2}, {1, 2, 3, 4, 5, 6});
  add("/y_train", {3}, {0, 1, 0});
  add("/sample_weight", {3}, {1, 0.5, 2});
  const auto table = hdf5();
  EXPECT_EQ(table->info().kind, "an HDF5 file");
  EXPECT_EQ(table->info().rows, 3U);
  EXPECT_EQ(table->info().columns, 2U);
  EXPECT_EQ(table->info().type, ElementType::float64);
  EXPECT_THAT(
      table->info().notes,
      ElementsAre("The samples are 'x_train' [3 x 2] of float64; --array NAME takes others: 'x_test' [2 x 2] of "
                  "float64.",
                  "The weights of the rows are 'sample_weight' [3] of float64."));
  for (int time = 0; time < 2; ++time) {
    const Read found = read(*table);
    EXPECT_EQ(found.values, (Rows{{1, 2}, {3, 4}, {5, 6}}));
    EXPECT_THAT(found.labels, ElementsAre(0, 1, 0));
    EXPECT_THAT(found.weights, ElementsAre(1, 0.5, 2));
  }
}

TEST_F(ArrayTableTest, WeightsOfColumnsSayThatTheTableIsTransposed) {
  add("/x", {2, 3}, {1, 2, 3, 4, 5, 6});
  add("/weights", {3}, {1, 0.5, 2});
  refused({"'weights' [3] of float64 has as many values as 'x' [2 x 3] of float64 has columns",
           "--transpose reads it so", "--weight-column none"});
  EXPECT_TRUE(open_hdf5(path_, {.transpose = true})->info().has_weights);
  const auto without = open_hdf5(path_, {.weights = false});
  EXPECT_FALSE(without->info().has_weights);
  EXPECT_THAT(without->info().notes, Contains("'weights' [3] of float64 is not used, as --weight-column says."));
}

TEST_F(ArrayTableTest, WeightsOfNeitherRowsNorColumnsAreOfSomethingElse) {
  add("/x", {2, 3}, {1, 2, 3, 4, 5, 6});
  add("/weights", {4}, {1, 0.5, 2, 3});
  const auto table = hdf5();
  EXPECT_FALSE(table->info().has_weights);
  EXPECT_THAT(table->info().notes, Contains("'weights' [4] of float64 is not used: it has 4 values for 2 rows."));
}

TEST_F(ArrayTableTest, PicturesAreFlattened) {
  add("/images", {2, 2, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const auto table = hdf5();
  EXPECT_THAT(table->info().picture, ElementsAre(2, 3));
  EXPECT_EQ(read(*table).values, (Rows{{1, 2, 3, 4, 5, 6}, {7, 8, 9, 10, 11, 12}}));
}

TEST_F(ArrayTableTest, LabelsMayBeOneAmongZeros) {
  add("/X", {2, 1}, {1, 2});
  add("/y", {2, 3}, {0, 0, 1, 1, 0, 0});
  EXPECT_THAT(read(*hdf5()).labels, ElementsAre(2, 0));
}

TEST_F(ArrayTableTest, LabelsMayBeTexts) {
  add("/X", {2, 1}, {1, 2});
  file_.create_texts("/y", 3, 2);
  file_.append_texts("/y", std::vector<std::string>{"dog", "cat"});
  EXPECT_THAT(read(*hdf5()).words, ElementsAre("dog", "cat"));
}

TEST_F(ArrayTableTest, NamesOfRowsComeWithThem) {
  add("/samples", {2, 3}, {1, 2, 3, 4, 5, 6});
  file_.create_texts("/row_names", 3, 2);
  file_.append_texts("/row_names", std::vector<std::string>{"one", "two"});
  const auto table = hdf5();
  ASSERT_TRUE(table->info().has_names);
  std::vector<std::string> names;
  table->read([&](const TableRow& row) { names.emplace_back(row.name); });
  EXPECT_THAT(names, ElementsAre("one", "two"));
  const auto turned = open_hdf5(path_, {.transpose = true});
  EXPECT_FALSE(turned->info().has_names) << "they are of the other dimension";
  EXPECT_THAT(turned->info().names, ElementsAre("one", "two"));
}

TEST_F(ArrayTableTest, NamesOfASquareMatrixTurnWithIt) {
  add("/samples", {2, 2}, {1, 2, 3, 4});
  file_.create_texts("/row_names", 3, 2);
  file_.append_texts("/row_names", std::vector<std::string>{"one", "two"});
  file_.write_texts("/column_names", std::vector<std::string>{"a", "b"});
  const auto turned = hdf5({.transpose = true});
  EXPECT_THAT(turned->info().names, ElementsAre("one", "two"));
  std::vector<std::string> names;
  turned->read([&](const TableRow& row) { names.emplace_back(row.name); });
  EXPECT_THAT(names, ElementsAre("a", "b"));
}

TEST_F(ArrayTableTest, WhatIsNoLabelIsRefused) {
  add("/X", {2, 1}, {1, 2});
  add("/y", {2}, {1, 1.5});
  refused({"'" + path_.string() + "'", "label of row 1", "'y' [2] of float64", "1.5", "--labels none"});
  EXPECT_FALSE(open_hdf5(path_, {.labels = "none"})->info().has_labels);
}

TEST_F(ArrayTableTest, SeveralOnesAreNoLabel) {
  add("/X", {2, 1}, {1, 2});
  add("/y", {2, 2}, {0, 1, 1, 1});
  refused({"label of row 1", "several numbers, not a single 1"});
}

TEST_F(ArrayTableTest, LabelsMustBeAsManyAsRows) {
  add("/X", {2, 3}, {1, 2, 3, 4, 5, 6});
  add("/y", {3}, {0, 1, 2});
  refused({"'y' [3] of float64 has 3 labels for the 2 rows of 'X' [2 x 3] of float64", "--transpose reads it so"});
}

TEST_F(ArrayTableTest, ColumnsMayBeTheSamples) {
  add("/X", {2, 3}, {1, 2, 3, 4, 5, 6});
  add("/y", {3}, {0, 1, 2});
  const auto table = hdf5({.transpose = true});
  EXPECT_EQ(table->info().rows, 3U);
  EXPECT_THAT(table->info().notes, ElementsAre("The columns of 'X' [2 x 3] of float64 are the samples."));
  const Read found = read(*table);
  EXPECT_EQ(found.values, (Rows{{1, 4}, {2, 5}, {3, 6}}));
  EXPECT_THAT(found.labels, ElementsAre(0, 1, 2));
}

TEST_F(ArrayTableTest, AMatrixOfMatlabIsReadAsMatlabShowsIt) {
  add("/X", {2, 3}, {1, 2, 3, 4, 5, 6});
  file_.set_text_attribute("/X", "MATLAB_class", "double");
  add("/y", {1, 3}, {0, 1, 2});
  file_.set_text_attribute("/y", "MATLAB_class", "double");
  const auto table = hdf5();
  EXPECT_EQ(table->info().kind, "a MATLAB file (version 7.3)");
  EXPECT_THAT(table->info().notes, ElementsAre("The matrix is read as MATLAB shows it, 3 x 2."));
  EXPECT_EQ(read(*table).values, (Rows{{1, 4}, {2, 5}, {3, 6}}));
}

TEST_F(ArrayTableTest, DoubtIsRefusedWithWhatThereIs) {
  add("/a", {2, 3}, {1, 2, 3, 4, 5, 6});
  add("/b", {2, 1}, {1, 2});
  add("/c", {3, 2}, {1, 2, 3, 4, 5, 6});
  refused({"which of its arrays has the samples? --array NAME", "'a' [2 x 3] of float64", "'c' [3 x 2] of float64"});
  test::expect_error(Failure::file, {"no array 'd'", "'b' [2 x 1] of float64"},
                     [&] { (void)open_hdf5(path_, {.array = "d"}); });
  EXPECT_EQ(open_hdf5(path_, {.array = "/c"})->info().rows, 3U);
}

TEST_F(ArrayTableTest, SparseRowsAndColumns) {
  //  0 5 0
  //  7 0 6
  add("/X/data", {3}, {5, 6, 7});
  add("/X/indices", {3}, {1, 2, 0});  // the second row is not in order
  add("/X/indptr", {3}, {0, 1, 3});
  file_.set_integers_attribute("/X", "shape", {2, 3});
  file_.set_text_attribute("/X", "encoding-type", "csr_matrix");
  const auto table = hdf5();
  EXPECT_TRUE(table->info().sparse);
  const Read rows = read(*table);
  EXPECT_EQ(rows.values, (Rows{{5}, {7, 6}}));
  EXPECT_THAT(rows.columns, ElementsAre(ElementsAre(1), ElementsAre(0, 2)));
  const Read columns = read(*open_hdf5(path_, {.array = "X", .transpose = true}));
  EXPECT_EQ(columns.values, (Rows{{7}, {5}, {6}}));
  EXPECT_THAT(columns.columns, ElementsAre(ElementsAre(1), ElementsAre(0), ElementsAre(1)));
}

TEST_F(ArrayTableTest, PartsOfASparseMatrixMayBeInNoGroup) {
  add("/data", {3}, {5, 6, 7});
  add("/indices", {3}, {1, 2, 0});
  add("/indptr", {3}, {0, 1, 3});
  add("/labels", {2}, {4, 9});
  add("/found", {3}, {1, 2, 3});
  const std::vector<std::int64_t> shape = {2, 3};
  file_.create_array("/shape", ElementType::int64, {2});
  file_.write_rows("/shape", ElementType::int64, 0, 2, shape.data());
  const auto table = hdf5();
  EXPECT_THAT(table->info().notes, IsEmpty());
  const Read rows = read(*table);
  EXPECT_EQ(rows.values, (Rows{{5}, {7, 6}}));
  EXPECT_THAT(rows.columns, ElementsAre(ElementsAre(1), ElementsAre(0, 2)));
  EXPECT_THAT(rows.labels, ElementsAre(4, 9));
  test::expect_error(Failure::file, {"'found' [3]", "'/' [2 x 3] of sparse float64"},
                     [&] { (void)open_hdf5(path_, {.array = "a"}); });
  EXPECT_EQ(open_hdf5(path_, {.array = "/"})->info().rows, 2U);
}

TEST_F(ArrayTableTest, WhatASparseMatrixLacksIsSaid) {
  for (const std::string group : {"", "/X"}) {
    add(group + "/data", {3}, {5, 6, 7});
    add(group + "/indices", {3}, {1, 2, 0});
    add(group + "/indptr", {3}, {0, 1, 3});
    refused({"of the group '" + (group.empty() ? "/" : group) + "'", "does not say its shape", "'shape'"});
    file_ = Hdf5File::create(path_);
  }
  add("/X/data", {3}, {5, 6, 7});
  add("/X/indices", {3}, {1, 2, 0});
  add("/X/indptr", {3}, {0, 1, 3});
  file_.set_integers_attribute("/X", "shape", {3, 3});
  file_.set_text_attribute("/X", "encoding-type", "csr_matrix");
  refused({"a sparse matrix [3 x 3] with 3 values, 3 places of them and 3 ends of lines", "one end more than 3 rows"});
}

TEST_F(ArrayTableTest, UnsoundSparseMatricesAreRefused) {
  const std::vector<std::pair<std::array<std::vector<double>, 2>, std::string>> wrong = {
      {{{{1, 2, 3}, {0, 1, 3}}}, "value 2 (counted from 0) has the index 3"},
      {{{{1, -1, 0}, {0, 1, 3}}}, "has the index -1"},
      {{{{1, 0.5, 0}, {0, 1, 3}}}, "has the index 0.5"},
      {{{{1, 2, 2}, {0, 1, 3}}}, "two values at 2"},
      {{{{1, 2, 0}, {0, 4, 3}}}, "its end 1 (counted from 0) is 4"},
      {{{{1, 2, 0}, {0, 2, 1}}}, "its end 2 (counted from 0) is 1"},
      {{{{1, 2, 0}, {0, 1, 2}}}, "its ends come to 2 for 3 values"},
      {{{{1, 2, 0}, {1, 1, 3}}}, "begin with 1"},
  };
  for (const auto& one : wrong) {
    add("/X/data", {3}, {5, 6, 7});
    add("/X/indices", {3}, one.first[0]);
    add("/X/indptr", {3}, one.first[1]);
    file_.set_integers_attribute("/X", "shape", {2, 3});
    file_.set_text_attribute("/X", "encoding-type", "csr_matrix");
    refused({"'/X' is no sound sparse matrix", one.second});
    file_ = Hdf5File::create(path_);
  }
}

/// The bytes of a number, high byte first.
template <typename Number>
std::string big_endian(Number number) {
  std::string bytes(sizeof(number), '\0');
  std::memcpy(bytes.data(), &number, sizeof(number));
  return {bytes.rbegin(), bytes.rend()};
}

std::string npy(const std::string& type, const std::string& shape, bool fortran, const std::string& values) {
  std::string header =
      "{'descr': " + type + ", 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + "}";
  header.resize(118, ' ');
  using namespace std::string_literals;
  return "\x93NUMPY\x01\x00\x76\x00"s + header + values;
}

TEST(NumpyTable, OrdersOfBytesAndOfIndices) {
  const test::TemporaryFolder folder;
  std::string values;
  for (const int value : {1, 2, 3, 4, 5, 6}) values += big_endian(static_cast<std::int16_t>(value));
  const auto rows = [&](const std::string& content, bool transpose = false) {
    return read(*open_npy(folder.write("a.npy", content), {.transpose = transpose})).values;
  };
  for (const bool packed : {false, true}) {
    const auto pack = [&](const std::string& content) { return packed ? test::gzip(content) : content; };
    EXPECT_EQ(rows(pack(npy("'>i2'", "(2, 3)", false, values))), (Rows{{1, 2, 3}, {4, 5, 6}}));
    EXPECT_EQ(rows(pack(npy("'>i2'", "(2, 3)", true, values))), (Rows{{1, 3, 5}, {2, 4, 6}}));
    EXPECT_EQ(rows(pack(npy("'>i2'", "(3, 2)", true, values)), true), (Rows{{1, 2, 3}, {4, 5, 6}}));
    // Element (n, i, j) of [1 x 2 x 3] in the order of the first index is number i + 2 j.
    EXPECT_EQ(rows(pack(npy("'>i2'", "(1, 2, 3)", true, values))), (Rows{{1, 3, 5, 2, 4, 6}}));
  }
}

TEST(NumpyTable, WhatIsNoArrayOfNumbersIsRefusedInWords) {
  const test::TemporaryFolder folder;
  const std::string values(24, '\1');
  const auto refused = [&](const std::string& content, const char* fragment) {
    test::expect_error(Failure::file, {"a.npy", fragment},
                       [&] { (void)read(*open_npy(folder.write("a.npy", content), {})); });
  };
  refused(npy("'|O'", "(3, 1)", false, values), "Python objects");
  refused(npy("'<c16'", "(3, 1)", false, values), "complex numbers");
  refused(npy("[('a', '<f4'), ('b[', '<i4')]", "(3, 1)", false, values), "records");
  refused(npy("'<M8[s]'", "(3, 1)", false, values), "times");
  refused(npy("'|b1'", "(12, 2)", false, std::string(24, '\2')), "truth value 2");
  refused(npy("'<i8'", "(3, 1)", false, values), "72340172838076673");
  refused(npy("'<f8'", "(3,)", false, values), "list of numbers");
  refused(npy("'<f8'", "(3, 1)", false, values + "x"), "does not fit");
  refused(npy("'<f8'", "(4294967296, 4294967296)", false, values), "does not fit");
  refused(test::gzip(npy("'<f8'", "(4294967296, 4294967296)", false, values)), "more than the file can hold");
  refused(test::gzip(npy("'<f8'", "(3, 1)", false, values + "x")), "goes on");
  refused(test::gzip(npy("'<f8'", "(4, 1)", false, values)), "truncated");
}

TEST(NumpyTable, ArchivesAreKnownByTheirFirstMember) {
  const test::TemporaryFolder folder;
  const fs::path file = folder / "a.npz";
  write_npz(file, std::vector<NumpyArray>{{"x", {2, 2}, {1, 2, 3, 4}}, {"y", {2}, {1, 0}}});
  EXPECT_TRUE(is_npz(test::content(file)));
  EXPECT_FALSE(is_npz(test::archive_of(ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, {{"a.csv", "1,2"}})));
  const auto table = open_npz(file, {});
  const Read found = read(*table);
  EXPECT_EQ(table->info().type, ElementType::float32);
  EXPECT_EQ(found.values, (Rows{{1, 2}, {3, 4}}));
  EXPECT_THAT(found.labels, ElementsAre(1, 0));
  EXPECT_EQ(read(*open_npz(file, {.labels = "none", .transpose = true})).values, (Rows{{1, 3}, {2, 4}}));
}

/// An element of a MATLAB file, big-endian.
std::string element(std::uint32_t type, std::string bytes) {
  const std::string tag = big_endian(type) + big_endian(static_cast<std::uint32_t>(bytes.size()));
  bytes.resize((bytes.size() + 7) / 8 * 8, '\0');
  return tag + bytes;
}

std::string matlab_header() {
  std::string header(124, ' ');
  using namespace std::string_literals;
  return header + "\1\0MI"s;
}

std::string matlab_matrix(std::uint32_t flags, std::uint32_t rows, std::uint32_t columns, const std::string& numbers) {
  return element(14, element(6, big_endian(flags) + big_endian(0U)) +
                         element(5, big_endian(rows) + big_endian(columns)) + element(1, "X") + numbers);
}

TEST(MatlabTable, MatricesOfEitherKind) {
  const test::TemporaryFolder folder;
  const std::string numbers = "\1\2\3\4\5\6";  // of a class double, and stored as bytes

  const std::string dense = matlab_header() + matlab_matrix(6, 2, 3, element(2, numbers));
  EXPECT_TRUE(is_matlab(dense));
  const auto table = open_matlab(folder.write("a.mat", dense), {});
  EXPECT_EQ(table->info().type, ElementType::float64);
  EXPECT_EQ(read(*table).values, (Rows{{1, 3, 5}, {2, 4, 6}}));

  //  0 1
  //  2 0
  const std::string sparse =
      matlab_header() +
      matlab_matrix(5 | 0x200, 2, 2,
                    element(5, big_endian(1U) + big_endian(0U)) +
                        element(5, big_endian(0U) + big_endian(1U) + big_endian(2U)) + element(2, std::string("\2\1")));
  const Read found = read(*open_matlab(folder.write("a.mat", sparse), {}));
  EXPECT_EQ(found.values, (Rows{{1}, {2}}));
  EXPECT_THAT(found.columns, ElementsAre(ElementsAre(1), ElementsAre(0)));
}

TEST(MatlabTable, DamagedFilesAreRefused) {
  const test::TemporaryFolder folder;
  const std::string whole = matlab_header() + matlab_matrix(6, 2, 3, element(2, std::string(6, '\1')));
  const auto refused = [&](const std::string& content) {
    test::expect_error(Failure::file, {"a.mat", "truncated or damaged"},
                       [&] { (void)read(*open_matlab(folder.write("a.mat", content), {})); });
  };
  for (std::size_t length = matlab_header().size() + 1; length < whole.size(); ++length)
    refused(whole.substr(0, length));
  refused(matlab_header() + matlab_matrix(6, 2, 4, element(2, std::string(6, '\1'))));
  refused(matlab_header() + matlab_matrix(6, 0x10000, 0x10000, element(2, std::string(6, '\1'))));
  refused(matlab_header() + element(15, "no zlib stream"));
}

TEST(IdxTable, EveryTypeIsReadBigEndian) {
  const test::TemporaryFolder folder;
  const auto idx = [](char type, const std::string& values) {
    return std::string("\0\0", 2) + type + '\2' + big_endian(1U) + big_endian(2U) + values;
  };
  const auto row = [&](const std::string& content) {
    EXPECT_TRUE(is_idx(content));
    return read(*open_idx(folder.write("a.idx", content), std::nullopt)).values.at(0);
  };
  EXPECT_THAT(row(idx(0x08, "\x01\xff")), ElementsAre(1, 255));
  EXPECT_THAT(row(idx(0x09, "\x01\xff")), ElementsAre(1, -1));
  EXPECT_THAT(row(idx(0x0b, big_endian(std::int16_t{-2}) + big_endian(std::int16_t{300}))), ElementsAre(-2, 300));
  EXPECT_THAT(row(idx(0x0c, big_endian(-2) + big_endian(70000))), ElementsAre(-2, 70000));
  EXPECT_THAT(row(idx(0x0d, big_endian(0.5F) + big_endian(-1.5F))), ElementsAre(0.5, -1.5));
  EXPECT_THAT(row(idx(0x0e, big_endian(0.1) + big_endian(-1e300))), ElementsAre(0.1, -1e300));
  EXPECT_THAT(open_idx(folder / "a.idx", std::nullopt)->info().picture, IsEmpty());
  for (const char type : {'\x07', '\x0a', '\x0f'}) EXPECT_FALSE(is_idx(idx(type, "12")));
}

TEST(IdxTable, ImagesAndLabelsAreNotSwapped) {
  const test::TemporaryFolder folder;
  using namespace std::string_literals;
  const fs::path images = folder.write("images", "\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x01\x05\x06"s);
  const fs::path labels = folder.write("labels", "\0\0\x08\x01\0\0\0\x02\x01\x02"s);
  const auto table = open_idx(images, labels);
  EXPECT_EQ(table->info().scale, 255.0);
  EXPECT_THAT(read(*table).labels, ElementsAre(1, 2));
  test::expect_error(Failure::file, {"labels", "swapped"}, [&] { (void)open_idx(labels, images); });
  test::expect_error(Failure::file, {"images", "swapped"}, [&] { (void)open_idx(images, images); });
}

}  // namespace
}  // namespace rbmpi
