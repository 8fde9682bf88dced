#include "rbmpi/data/dataset_file.hpp"

#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/storage/atomic_file.hpp"
#include "support/expect_error.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;
namespace fs = std::filesystem;

class DatasetFileTest : public testing::Test {
 protected:
  // A file as another program could have written it: `fill` makes the arrays.
  fs::path foreign(const std::function<void(Hdf5File&)>& fill) const {
    Hdf5File file = Hdf5File::create(path_);
    fill(file);
    file.close();
    return path_;
  }
  void refused(const std::vector<std::string>& fragments, const std::function<void(Hdf5File&)>& fill) const {
    const fs::path path = foreign(fill);
    std::vector<std::string> all = {"a.h5"};
    all.insert(all.end(), fragments.begin(), fragments.end());
    test::expect_error(Failure::file, all, [&] { const DatasetReader reader(path); });
  }

  test::TemporaryFolder folder_;
  fs::path path_ = folder_ / "a.h5";
};

void zeros(Hdf5File& file, const std::string& name, ElementType type, const std::vector<std::uint64_t>& dimensions) {
  file.create_array(name, type, dimensions);
  const std::vector<double> values(100);  // enough for all arrays of these tests
  file.write_rows(name, type, 0, dimensions.front(), values.data());
}

TEST_F(DatasetFileTest, WhatIsWrittenComesBack) {
  const std::vector<float> samples = {0.0F, 0.5F, 2.0F, 1.0F, 0.25F, 0.125F};
  const std::vector<std::int32_t> labels = {-1, 7, 300};
  DatasetInfo info;
  info.type = ElementType::float32;
  info.columns = 2;
  info.scale = 2.0;
  info.picture = {2, 1};
  info.has_labels = true;
  info.source = "made up";
  DatasetWriter writer(path_, info);
  writer.append({.count = 1, .samples = samples.data(), .labels = labels.data()});
  writer.append({.count = 2, .samples = samples.data() + 2, .labels = labels.data() + 1});
  EXPECT_FALSE(fs::exists(path_)) << "the file appears with finish";
  writer.finish();

  const DatasetReader reader(path_);
  EXPECT_EQ(reader.info().type, ElementType::float32);
  EXPECT_EQ(reader.info().rows, 3U);
  EXPECT_EQ(reader.info().columns, 2U);
  EXPECT_EQ(reader.info().scale, 2.0);
  EXPECT_THAT(reader.info().picture, ElementsAre(2, 1));
  EXPECT_TRUE(reader.info().has_labels);
  EXPECT_EQ(reader.info().source, "made up");
  std::vector<float> read(4);
  reader.read_samples(1, 2, read.data());
  EXPECT_THAT(read, ElementsAre(2.0F, 1.0F, 0.25F, 0.125F));
  std::vector<std::int32_t> read_labels(3);
  reader.read_labels(0, 3, read_labels.data());
  EXPECT_EQ(read_labels, labels);
}

TEST_F(DatasetFileTest, NamesAndWeightsComeBack) {
  DatasetInfo info;
  info.columns = 2;
  info.has_weights = true;
  info.has_labels = true;
  info.class_names = {"cat", "", "dog \xc3\xa9"};
  info.column_names = {"width", "height"};
  info.row_name_bytes = 5;
  const std::uint8_t samples[] = {1, 2, 3, 4, 5, 6};
  const std::int32_t labels[] = {0, 2, 1};
  const float weights[] = {0.0F, 0.25F, 3.0F};
  const std::string names[] = {"a", "", "abcde"};
  DatasetWriter writer(path_, info);
  writer.append({.count = 1, .samples = samples, .labels = labels, .weights = weights, .names = {names, 1}});
  writer.append(
      {.count = 2, .samples = samples + 2, .labels = labels + 1, .weights = weights + 1, .names = {names + 1, 2}});
  writer.finish();

  const DatasetReader reader(path_);
  EXPECT_TRUE(reader.info().has_weights);
  EXPECT_TRUE(reader.info().has_row_names);
  EXPECT_TRUE(reader.info().scale_said);
  EXPECT_EQ(reader.info().class_names, info.class_names);
  EXPECT_EQ(reader.info().column_names, info.column_names);
  std::vector<float> read(2);
  reader.read_weights(1, 2, read.data());
  EXPECT_THAT(read, ElementsAre(0.25F, 3.0F));
  EXPECT_THAT(reader.read_row_names(0, 3), ElementsAre("a", "", "abcde"));
  EXPECT_THAT(reader.read_row_names(2, 1), ElementsAre("abcde"));
}

/// A sparse dataset of floats, scale 1: rows (0, 0.5, 0), (0, 0, 0), (1, 0, 0.25).
struct Sparse {
  std::vector<std::int64_t> shape = {3, 3};
  std::vector<float> data = {0.5F, 1.0F, 0.25F};
  std::vector<std::int32_t> indices = {1, 0, 2};
  std::vector<std::int64_t> indptr = {0, 1, 1, 3};

  void write(Hdf5File& file) const {
    file.create_group("/samples");
    file.set_integers_attribute("/samples", "shape", shape);
    const auto array = [&](const char* name, ElementType type, std::uint64_t count, const void* values) {
      file.create_array(name, type, {count});
      file.write_rows(name, type, 0, count, values);
    };
    array("/samples/data", ElementType::float32, data.size(), data.data());
    array("/samples/indices", ElementType::int32, indices.size(), indices.data());
    array("/samples/indptr", ElementType::int64, indptr.size(), indptr.data());
  }
};

TEST_F(DatasetFileTest, SparseRowsAreReadAsTheyAreOrWithTheirZeros) {
  const DatasetReader reader(foreign([](Hdf5File& file) { Sparse().write(file); }));
  EXPECT_TRUE(reader.info().sparse);
  EXPECT_EQ(reader.info().rows, 3U);
  EXPECT_EQ(reader.info().columns, 3U);
  EXPECT_EQ(reader.info().nonzeros, 3U);
  EXPECT_EQ(reader.info().type, ElementType::float32);
  std::vector<float> dense(9);
  reader.read_samples(0, 3, dense.data());
  EXPECT_THAT(dense, ElementsAre(0, 0.5F, 0, 0, 0, 0, 1, 0, 0.25F));
  reader.read_samples(2, 1, dense.data());
  EXPECT_THAT(std::span(dense).first(3), ElementsAre(1, 0, 0.25F));
  const SparseRows rows = reader.read_sparse(1, 2);
  EXPECT_EQ(rows.before, 1U);
  EXPECT_THAT(rows.ends, ElementsAre(0, 2));
  EXPECT_THAT(rows.columns, ElementsAre(0, 2));
  EXPECT_EQ(reader.read_sparse(1, 1).columns.size(), 0U);
}

TEST_F(DatasetFileTest, SparseRowsThatDoNotFitTogetherAreRefused) {
  struct Case {
    void (*change)(Sparse& sparse);
    std::vector<std::string> fragments;
  };
  const std::vector<Case> cases = {
      {[](Sparse& all) { all.shape = {3}; }, {"'shape'", "rows and columns"}},
      {[](Sparse& all) {
         all.shape = {-3, 3};
       },
       {"'shape'"}},
      {[](Sparse& all) {
         all.shape = {4, 3};
       },
       {"'/samples/indptr' [4]", "matrix of 4 rows"}},
      {[](Sparse& all) {
         all.shape = {3, 0};
       },
       {"has no columns"}},
      {[](Sparse& all) { all.indices.pop_back(); }, {"'/samples/indices' [2]", "'/samples/data' [3]"}},
      {[](Sparse& all) {
         all.shape = {3, 2};
       },
       {"columns of row 2", "2 after 0", "at most 1"}},
      {[](Sparse& all) {
         all.indices = {1, 2, 0};
       },
       {"columns of row 2", "0 after 2"}},
      {[](Sparse& all) {
         all.indices = {1, 2, 2};
       },
       {"columns of row 2", "2 after 2"}},
      {[](Sparse& all) { all.indices[0] = -1; }, {"columns of row 0", "-1 after -1"}},
      {[](Sparse& all) {
         all.indptr = {0, 2, 1, 3};
       },
       {"'/samples/indptr' has 1 at 2", "from 0 to 3"}},
      {[](Sparse& all) {
         all.indptr = {1, 1, 1, 3};
       },
       {"'/samples/indptr' has 1 at 0"}},
      {[](Sparse& all) {
         all.indptr = {0, 1, 1, 2};
       },
       {"'/samples/indptr' has 2 at 3"}},
      {[](Sparse& all) {
         all.indptr = {0, 1, 1, 4};
       },
       {"'/samples/indptr' has 4 at 3"}},
      {[](Sparse& all) { all.data[2] = 1.5F; }, {"row 2, column 2", "1.5"}},
      {[](Sparse& all) { all.data[0] = -1.0F; }, {"row 0, column 1", "-1"}},
  };
  for (const Case& one : cases) {
    Sparse sparse;
    one.change(sparse);
    const fs::path path = foreign([&](Hdf5File& file) { sparse.write(file); });
    test::expect_error(Failure::file, one.fragments, [&] { static_cast<void>(DatasetReader(path).read_sparse(0, 3)); });
  }
}

TEST_F(DatasetFileTest, WhatIsWrittenSparseComesBack) {
  DatasetInfo info;
  info.columns = 6;
  info.picture = {2, 3};
  info.sparse = true;
  const std::uint8_t values[] = {7, 255, 9};
  const std::int32_t columns[] = {5, 0, 3};
  const std::uint64_t ends[] = {0, 1};
  const std::uint64_t rest[] = {2};
  DatasetWriter writer(path_, info);
  writer.append({.count = 2, .samples = values, .ends = ends, .columns = columns});
  writer.append({.count = 1, .samples = values + 1, .ends = rest, .columns = columns + 1});
  writer.finish();
  const DatasetReader reader(path_);
  EXPECT_EQ(reader.info().rows, 3U);
  EXPECT_EQ(reader.info().nonzeros, 3U);
  EXPECT_THAT(reader.info().picture, ElementsAre(2, 3));
  std::vector<std::uint8_t> dense(18);
  reader.read_samples(0, 3, dense.data());
  EXPECT_THAT(dense, ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 255, 0, 0, 9, 0, 0));
}

TEST_F(DatasetFileTest, WeightsMayBeWholeNumbers) {
  const auto weighted = [&](ElementType type, const void* weights) {
    return foreign([&, type, weights](Hdf5File& file) {
      zeros(file, "/samples", ElementType::uint8, {3, 2});
      file.create_array("/weights", type, {3});
      file.write_rows("/weights", type, 0, 3, weights);
    });
  };
  std::vector<float> read(3);
  const std::uint8_t small[] = {3, 0, 255};
  DatasetReader(weighted(ElementType::uint8, small)).read_weights(0, 3, read.data());
  EXPECT_THAT(read, ElementsAre(3, 0, 255));
  // What single precision does not hold is rounded, as an import does.
  const std::int64_t large[] = {1, 16'777'217, std::int64_t{1} << 40U};
  DatasetReader(weighted(ElementType::int64, large)).read_weights(0, 3, read.data());
  EXPECT_THAT(read, ElementsAre(1, 16'777'216, 0x1p40F));
  const std::int32_t negative[] = {1, -2, 3};
  const DatasetReader reader(weighted(ElementType::int32, negative));
  test::expect_error(Failure::file, {"a.h5", "weight of row 1 (counted from 0) is -2", "from 0 to 3.4e38"},
                     [&] { reader.read_weights(0, 3, read.data()); });
}

TEST_F(DatasetFileTest, WeightsThatAreNoneAreRefused) {
  for (const double wrong : {-0.5, std::nan(""), 1e300}) {
    const fs::path path = foreign([&](Hdf5File& file) {
      zeros(file, "/samples", ElementType::uint8, {3, 2});
      const double weights[] = {1, 0, wrong};
      file.create_array("/weights", ElementType::float64, {3});
      file.write_rows("/weights", ElementType::float64, 0, 3, weights);
    });
    const DatasetReader reader(path);
    std::vector<float> weights(3);
    reader.read_weights(0, 2, weights.data());
    test::expect_error(Failure::file, {"a.h5", "weight of row 2", "from 0 to 3.4e38"},
                       [&] { reader.read_weights(0, 3, weights.data()); });
  }
  const auto plain = [](Hdf5File& file) { zeros(file, "/samples", ElementType::uint8, {2, 6}); };
  refused({"'/weights' has 3 values for 2 rows"}, [&](Hdf5File& file) {
    plain(file);
    zeros(file, "/weights", ElementType::float32, {3});
  });
  refused({"'/weights' holds string", "numbers would be right"}, [&](Hdf5File& file) {
    plain(file);
    file.create_texts("/weights", 3, 1);
    const std::string texts[] = {"1", "2"};
    file.append_texts("/weights", texts);
  });
  refused({"'/column_names'", "a list of 6 texts"}, [&](Hdf5File& file) {
    plain(file);
    file.create_texts("/column_names", 3, 1);
    const std::string name[] = {"abc"};
    file.append_texts("/column_names", name);
  });
  refused({"'/class_names' holds uint8"}, [&](Hdf5File& file) {
    plain(file);
    zeros(file, "/class_names", ElementType::uint8, {2});
  });
  refused({"'/row_names' has 1 value for 2 rows"}, [&](Hdf5File& file) {
    plain(file);
    file.create_texts("/row_names", 3, 1);
    const std::string name[] = {"abc"};
    file.append_texts("/row_names", name);
  });
}

TEST_F(DatasetFileTest, AnUnfinishedFileLeavesNothing) {
  {
    DatasetInfo info;
    info.columns = 1;
    DatasetWriter writer(path_, info);
    const std::uint8_t value = 1;
    writer.append({.count = 1, .samples = &value});
  }
  EXPECT_EQ(folder_.entries(), 0U);
}

TEST_F(DatasetFileTest, WeightsMayComeLast) {
  DatasetInfo info;
  info.columns = 1;
  const std::uint8_t values[] = {1, 2, 3};
  const float weights[] = {0.5F, 0.0F, 0.25F};
  const auto finish = [&](const AtomicFile& file) {
    DatasetWriter writer(file, info);
    writer.append({.count = 3, .samples = values});
    writer.finish();
    add_weights(file, weights);
  };
  {
    const AtomicFile given_up(path_);
    finish(given_up);
    EXPECT_FALSE(fs::exists(path_)) << "the file appears when it is committed";
  }
  EXPECT_EQ(folder_.entries(), 0U);
  AtomicFile file(path_);
  finish(file);
  file.commit();
  EXPECT_EQ(folder_.entries(), 1U);
  const DatasetReader reader(path_);
  ASSERT_TRUE(reader.info().has_weights);
  std::vector<std::uint8_t> read(3);
  reader.read_samples(0, 3, read.data());
  EXPECT_THAT(read, ElementsAre(1, 2, 3));
  std::vector<float> read_weights(3);
  reader.read_weights(0, 3, read_weights.data());
  EXPECT_THAT(read_weights, ElementsAre(0.5F, 0.0F, 0.25F));
}

TEST_F(DatasetFileTest, ChunksOfASmallFileAreSmall) {
  DatasetInfo info;
  info.columns = 4;
  info.rows = 3;
  DatasetWriter writer(path_, info);
  const std::vector<std::uint8_t> samples(12, 1);
  writer.append({.count = 3, .samples = samples.data()});
  writer.finish();
  EXPECT_EQ(DatasetReader(path_).info().sample_chunks.rows, 3U);
  EXPECT_LT(fs::file_size(path_), 16000U);
}

TEST_F(DatasetFileTest, BytesOfAnotherProgramLoad) {
  foreign([](Hdf5File& file) {
    const std::uint8_t values[] = {0, 255};
    file.create_array("/samples", ElementType::uint8, {1, 2});
    file.write_rows("/samples", ElementType::uint8, 0, 1, values);
  });
  const DatasetReader reader(path_);
  EXPECT_EQ(reader.info().scale, 255.0);
  EXPECT_FALSE(reader.info().has_labels);
  EXPECT_EQ(reader.info().source, "");
}

TEST_F(DatasetFileTest, DoublesOfAnotherProgramLoad) {
  foreign([](Hdf5File& file) {
    const double values[] = {0.0, 1.0};
    file.create_array("/samples", ElementType::float64, {2, 1});
    file.write_rows("/samples", ElementType::float64, 0, 2, values);
  });
  const DatasetReader reader(path_);
  EXPECT_EQ(reader.info().scale, 1.0);
  std::vector<double> read(2);
  reader.read_samples(0, 2, read.data());
  EXPECT_THAT(read, ElementsAre(0.0, 1.0));
}

TEST_F(DatasetFileTest, UnsuitableFilesAreRefused) {
  const auto plain = [](Hdf5File& file) { zeros(file, "/samples", ElementType::uint8, {2, 6}); };
  refused({"no array '/samples'"}, [](Hdf5File& file) { file.create_group("/other"); });
  refused({"'/samples'", "'/samples' is a group"}, [](Hdf5File& file) { file.create_group("/samples"); });
  refused({"'rbmpi-model'", "'rbmpi-dataset'"}, [&](Hdf5File& file) {
    plain(file);
    file.set_text_attribute("/", "format", "rbmpi-model");
  });
  refused({"version is 2"}, [&](Hdf5File& file) {
    plain(file);
    file.set_text_attribute("/", "format", "rbmpi-dataset");
    file.set_integers_attribute("/", "format_version", {2});
  });
  refused({"holds int32", "uint8, float32 or float64"}, [](Hdf5File& file) {
    zeros(file, "/samples", ElementType::int32, {2, 6});
  });
  refused({"3 dimensions [2 x 3 x 2]", "2 would be right"}, [](Hdf5File& file) {
    zeros(file, "/samples", ElementType::uint8, {2, 3, 2});
  });
  refused({"1 dimension "}, [](Hdf5File& file) { zeros(file, "/samples", ElementType::uint8, {6}); });
  refused({"no rows"}, [](Hdf5File& file) { zeros(file, "/samples", ElementType::uint8, {0, 6}); });
  refused({"no columns"}, [](Hdf5File& file) { zeros(file, "/samples", ElementType::uint8, {6, 0}); });
  for (const double scale : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
    refused({"'scale'", "positive"}, [&](Hdf5File& file) {
      plain(file);
      file.set_real_attribute("/samples", "scale", scale);
    });
  }
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{6}, {2, 2}, {-2, -3}, {std::numeric_limits<std::int64_t>::max(), 2}}) {
    refused({"'shape'", "height * width = 6"}, [&](Hdf5File& file) {
      plain(file);
      file.set_integers_attribute("/samples", "shape", shape);
    });
  }
  refused({"'/labels' has 3 values for 2 rows"}, [&](Hdf5File& file) {
    plain(file);
    zeros(file, "/labels", ElementType::int32, {3});
  });
  refused({"'/labels' holds float32", "integers"}, [&](Hdf5File& file) {
    plain(file);
    zeros(file, "/labels", ElementType::float32, {2});
  });
  refused({"'/labels' has 2 dimensions"}, [&](Hdf5File& file) {
    plain(file);
    zeros(file, "/labels", ElementType::int32, {2, 1});
  });
}

TEST_F(DatasetFileTest, SizesAreNotBelieved) {
  // Chunks that were never written take no space, whatever the array claims.
  const std::uint64_t huge = std::uint64_t{1} << 62U;
  refused({"impossible size [4611686018427387904 x 1000]"}, [&](Hdf5File& file) {
    file.create_array("/samples", ElementType::uint8, {huge, 1000}, {.chunk_rows = 1});
  });
  refused({"'/samples' claims 4.6 EB, but the file holds only 0 bytes"}, [&](Hdf5File& file) {
    file.create_array("/samples", ElementType::uint8, {huge, 1}, {.chunk_rows = 1});
  });
  refused({"'/labels' claims 8 bytes, but the file holds only 0 bytes", "never written"}, [&](Hdf5File& file) {
    zeros(file, "/samples", ElementType::uint8, {2, 6});
    file.create_array("/labels", ElementType::int32, {2});
  });
}

TEST_F(DatasetFileTest, FilesThatAreStoredTheOtherWayRoundAreRefused) {
  refused({"MATLAB wrote it", "rows and columns exchanged", "rbmpi import", "--output NEW.h5"}, [](Hdf5File& file) {
    zeros(file, "/samples", ElementType::float64, {2, 6});
    file.set_text_attribute("/samples", "MATLAB_class", "double");
  });
  // A square matrix by columns would pass for one by rows.
  for (const bool by_rows : {true, false}) {
    const auto sparse = [&](Hdf5File& file) {
      file.create_group("/samples");
      zeros(file, "/samples/data", ElementType::uint8, {1});
      zeros(file, "/samples/indices", ElementType::int32, {1});
      zeros(file, "/samples/indptr", ElementType::int32, {3});
      file.set_integers_attribute("/samples", "shape", {2, 2});
      file.set_text_attribute("/samples", "encoding-type", by_rows ? "csr_matrix" : "csc_matrix");
    };
    if (by_rows) {
      foreign(sparse);
      EXPECT_TRUE(DatasetReader(path_).info().sparse);
    } else {
      refused({"'csc_matrix'", "'csr_matrix'", "would be right"}, sparse);
    }
  }
}

TEST_F(DatasetFileTest, WhoReadsItMaySayTheScale) {
  const std::uint8_t ones[] = {0, 1};
  for (const double said : {0.0, 3.0}) {
    foreign([&](Hdf5File& file) {
      file.create_array("/samples", ElementType::uint8, {1, 2});
      file.write_rows("/samples", ElementType::uint8, 0, 1, ones);
      if (said > 0) file.set_real_attribute("/samples", "scale", said);
    });
    EXPECT_EQ(DatasetReader(path_).info().scale, said > 0 ? said : 255);
    EXPECT_EQ(DatasetReader(path_).info().scale_said, said > 0);
    const DatasetReader reader(path_, Values::amounts, 1.0);
    EXPECT_EQ(reader.info().scale, 1);
    EXPECT_TRUE(reader.info().scale_said);
    EXPECT_FALSE(reader.info().imported);
    test::expect_error(Failure::file, {"'scale'", "0"},
                       [&] { const DatasetReader wrong(path_, Values::amounts, 0.0); });
    std::uint8_t values[2];
    const DatasetReader small(path_, Values::amounts, 0.5);
    test::expect_error(Failure::file, {"row 0, column 1", "[0, 0.5]"}, [&] { small.read_samples(0, 1, values); });
  }
  foreign([&](Hdf5File& file) {
    zeros(file, "/samples", ElementType::uint8, {1, 2});
    file.set_text_attribute("/", "format", "rbmpi-dataset");
  });
  EXPECT_TRUE(DatasetReader(path_).info().imported);
}

template <typename Value>
void write_samples(Hdf5File& file, ElementType type, const std::vector<Value>& values, std::uint64_t columns,
                   double scale) {
  file.create_array("/samples", type, {values.size() / columns, columns});
  file.write_rows("/samples", type, 0, values.size() / columns, values.data());
  file.set_real_attribute("/samples", "scale", scale);
}

template <typename Value>
void expect_wrong_value(const fs::path& path, Value like, const std::vector<std::string>& fragments) {
  const DatasetReader reader(path);
  std::vector<Value> values(reader.info().rows * reader.info().columns, like);
  test::expect_error(Failure::file, fragments, [&] { reader.read_samples(0, reader.info().rows, values.data()); });
}

TEST_F(DatasetFileTest, ValuesOutsideTheScaleAreNamedWithRowAndColumn) {
  foreign([](Hdf5File& file) { write_samples<std::uint8_t>(file, ElementType::uint8, {0, 16, 1, 2, 17, 3}, 3, 16.0); });
  expect_wrong_value<std::uint8_t>(path_, 0, {"a.h5", "row 1, column 1 (counted from 0) is 17", "[0, 16]"});

  for (const float wrong : {-0.25F, 1.5F, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    foreign([&](Hdf5File& file) {
      write_samples<float>(file, ElementType::float32, {0.0F, 1.0F, 0.5F, wrong}, 1, 1.0);
    });
    expect_wrong_value<float>(path_, 0.0F, {"row 3, column 0", "[0, 1]"});
  }
  for (const double wrong : {-1e-300, std::nextafter(1.0, 2.0), std::nan("")}) {
    foreign([&](Hdf5File& file) { write_samples<double>(file, ElementType::float64, {wrong, 1.0, 0.5, 0.0}, 2, 1.0); });
    expect_wrong_value<double>(path_, 0.0, {"row 0, column 0"});
  }
}

TEST_F(DatasetFileTest, RowsAreCountedFromTheBeginningOfTheFile) {
  foreign([](Hdf5File& file) { write_samples<std::uint8_t>(file, ElementType::uint8, {1, 1, 1, 9}, 1, 8.0); });
  const DatasetReader reader(path_);
  std::uint8_t value = 0;
  test::expect_error(Failure::file, {"row 3, column 0"}, [&] { reader.read_samples(3, 1, &value); });
}

TEST_F(DatasetFileTest, TheLargestValueIsAllowed) {
  foreign([](Hdf5File& file) { write_samples<float>(file, ElementType::float32, {0.1F, 0.0F}, 1, 0.1); });
  const DatasetReader reader(path_);
  std::vector<float> values(2);
  EXPECT_NO_THROW(reader.read_samples(0, 2, values.data()));
}

}  // namespace
}  // namespace rbmpi
