#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/import/import.hpp"
#include "support/expect_error.hpp"
#include "support/gzip.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

using Change = std::function<void(CsvImport&)>;

class ImportCsvTest : public testing::Test {
 protected:
  ImportResult import(
      const std::string& content, const Change& change = [](CsvImport&) {}) const {
    CsvImport options;
    options.csv = folder_.write("a.csv", content);
    options.output = folder_ / "a.h5";
    change(options);
    return import_csv(options);
  }
  void refused(
      Failure failure, const std::vector<std::string>& fragments, const std::string& content,
      const Change& change = [](CsvImport&) {}) const {
    std::vector<std::string> all = {"a.csv"};
    all.insert(all.end(), fragments.begin(), fragments.end());
    test::expect_error(failure, all, [&] { static_cast<void>(import(content, change)); });
    EXPECT_EQ(folder_.entries(), 1U) << "nothing is left behind";
  }

  template <typename Value>
  std::vector<Value> samples() const {
    const DatasetReader reader(folder_ / "a.h5");
    std::vector<Value> values(reader.info().rows * reader.info().columns);
    EXPECT_EQ(element_size(reader.info().type), sizeof(Value));
    reader.read_samples(0, reader.info().rows, values.data());
    return values;
  }
  std::vector<std::int32_t> labels() const {
    const DatasetReader reader(folder_ / "a.h5");
    std::vector<std::int32_t> values(reader.info().rows);
    reader.read_labels(0, reader.info().rows, values.data());
    return values;
  }

  test::TemporaryFolder folder_;
};

const Change no_header = [](CsvImport& options) { options.header = false; };

Change label(const std::string& column) {
  return [column](CsvImport& options) { options.label_column = column; };
}

TEST_F(ImportCsvTest, ATableLikeKagglesBecomesBytes) {
  const ImportResult result = import("label,pixel0,pixel1\n7,0,255\n300,128,1\n", label("label"));
  EXPECT_TRUE(result.notes.empty());
  EXPECT_EQ(result.info.rows, 2U);
  EXPECT_EQ(result.info.columns, 2U);
  EXPECT_EQ(result.info.type, ElementType::uint8);
  EXPECT_EQ(result.info.scale, 255.0);
  EXPECT_EQ(result.info.source, "a.csv");
  EXPECT_THAT(samples<std::uint8_t>(), ElementsAre(0, 255, 128, 1));
  EXPECT_THAT(labels(), ElementsAre(7, 300));
}

TEST_F(ImportCsvTest, WithoutLabelsThereAreNone) {
  EXPECT_FALSE(import("pixel0,pixel1\n0,255\n").info.has_labels);
}

TEST_F(ImportCsvTest, EveryFormOfTheFileGivesTheSame) {
  const std::string plain = "a,b,c\n1,2,250\n4,5,6\n";
  for (const std::string& content :
       {plain, test::gzip(plain), std::string("a,b,c\r\n1,2,250\r\n4,5,6\r\n"), std::string("a,b,c\n1,2,250\n4,5,6"),
        std::string("\xef\xbb\xbf"
                    "a,b,c\n1,2,250\n4,5,6\n\n\n"),
        std::string("\"a\",\"b, \"\"c\nd\",c\n\"1\",2,250\n4,5,6\n"),
        std::string("a,b,c\n +1 ,2.0,\t2.5e2\n4 , 5,6\n")}) {
    import(content, label("a"));
    EXPECT_THAT(samples<std::uint8_t>(), ElementsAre(2, 250, 5, 6)) << content;
    EXPECT_THAT(labels(), ElementsAre(1, 4)) << content;
  }
}

TEST_F(ImportCsvTest, TheLabelColumnIsANameANumberOrTheLast) {
  const std::string content = "x,y,z\n1,2,3\n";
  for (const auto& [column, value] : {std::pair{"y", 2}, {"1", 1}, {"3", 3}, {"last", 3}}) {
    import(content, label(column));
    EXPECT_THAT(labels(), ElementsAre(value)) << column;
  }
  import("1,2,3\n4,5,6\n", [](CsvImport& options) {
    options.header = false;
  options.label_column = "2";
});
EXPECT_THAT(labels(), ElementsAre(2, 5));
EXPECT_THAT(samples<std::uint8_t>(), ElementsAre(1, 3, 4, 6));
import("9,3\n1,2\n", label("3"));
EXPECT_THAT(labels(), ElementsAre(2)) << "a name in the header comes before a number";
}  // namespace

TEST_F(ImportCsvTest, TypeAndScaleFollowTheValues) {
  EXPECT_EQ(import("a\n0\n1\n").info.type, ElementType::uint8);
  EXPECT_EQ(import("a\n0\n1\n").info.scale, 1.0);
  EXPECT_EQ(import("a\n0\n0.25\n").info.type, ElementType::float32);
  EXPECT_EQ(import("a\n0\n0.25\n").info.scale, 1.0);
  EXPECT_THAT(samples<float>(), ElementsAre(0.0F, 0.25F));
  EXPECT_EQ(import("a\n0\n200\n").info.scale, 255.0);
  const Change scaled = [](CsvImport& options) { options.scale = 300.0; };
  EXPECT_EQ(import("a\n0\n300\n", scaled).info.type, ElementType::float32);
  EXPECT_EQ(import("a\n0\n300\n", scaled).info.scale, 300.0);
  import("a\n0.1\n", [](CsvImport& options) { options.type = ElementType::float64;
});
EXPECT_THAT(samples<double>(), ElementsAre(0.1));
  import("a,b\n1,0\n", [](CsvImport& options) {
    options.type = ElementType::float32;
  options.picture = {2, 1};
  }  // namespace rbmpi
);
EXPECT_THAT(samples<float>(), ElementsAre(1.0F, 0.0F));
EXPECT_THAT(DatasetReader(folder_ / "a.h5").info().picture, ElementsAre(2, 1));
}

TEST_F(ImportCsvTest, ManyBlocksComeInOrder) {
  const std::uint64_t rows = 6000;
  const std::uint64_t columns = 1000;
  std::string content;
  for (std::uint64_t row = 0; row < rows; ++row) {
    for (std::uint64_t column = 0; column < columns; ++column) {
      content += std::to_string((row * 31 + column) % 200);
      content += column + 1 < columns ? ',' : '\n';
    }
  }
  EXPECT_EQ(import(test::gzip(content), no_header).info.rows, rows);
  const std::vector<std::uint8_t> values = samples<std::uint8_t>();
  for (std::uint64_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(values[i], (i / columns * 31 + i % columns) % 200) << "at " << i;
}

TEST_F(ImportCsvTest, OddThingsAreNoted) {
  EXPECT_THAT(import("1,2\n3,200\n").notes, ElementsAre(HasSubstr("--no-header")));
  EXPECT_THAT(import("a,b\n3,16\n").notes, ElementsAre(HasSubstr("--scale 16")));
  EXPECT_THAT(import("label,b\n3,200\n").notes, ElementsAre(HasSubstr("--label-column label")));
  EXPECT_THAT(import("label,b\n3,200\n", label("1")).notes, ElementsAre());
  EXPECT_THAT(import("a,b\n3,16\n", [](CsvImport& options) { options.scale = 16.0; }).notes, ElementsAre());
}

TEST_F(ImportCsvTest, RaggedRowsAreNamedByLine) {
  refused(Failure::file, {"line 3 has 1 field;", "have 2"}, "a,b\n1,2\n3\n");
  refused(Failure::file, {"line 4 has 3 fields", "have 2"}, "a,b\n1,2\n\n3,4,5\n");
  refused(Failure::file, {"line 2 has 1 field;", "have 2"}, "a,b\n1\n");
  refused(Failure::file, {"line 4 has 1 field;"}, "\"a\n\",b\n1,2\n3\n");
}

TEST_F(ImportCsvTest, TextWhereANumberBelongsIsNamedByLineAndColumn) {
  refused(Failure::file, {"line 3, column 2 ('b') is 'x y'"}, "a,b\n1,2\n3,x y\n");
  refused(Failure::file, {"line 2, column 2 is empty; a number"}, "1,2\n3,\n", no_header);
  refused(Failure::file, {"line 1, column 1 is 'label'"}, "label,b\n1,2\n", no_header);
  for (const char* text : {"nan", "inf", "-inf", "1e999", "0x10", "1 2", "--1", "+-1", "1;2", "+"})
    refused(Failure::file, {"line 2, column 1 ('a') is '", text, "a number would be right"},
            std::string("a\n") + text + "\n");
}

TEST_F(ImportCsvTest, ValuesOutsideTheScaleAreNamedByLineAndColumn) {
  refused(Failure::file, {"line 3, column 3 ('c')", "-1", "[0, scale]"}, "a,b,c\n1,2,3\n4,5,-1\n", label("b"));
  refused(Failure::file, {"line 2, column 1", "17", "[0, 16]"}, "a\n17\n",
          [](CsvImport& options) { options.scale = 16.0; });
}

TEST_F(ImportCsvTest, LabelsAreWholeNumbers) {
  for (const char* text : {"0.5", "2147483648", "-2147483649"})
    refused(Failure::file, {"label in line 2, column 1 ('y')", "whole number"}, std::string("y,a\n") + text + ",1\n",
            label("y"));
  import("y,a\n-2147483648,1\n2147483647,0\n", label("y"));
  EXPECT_THAT(labels(), ElementsAre(-2147483647 - 1, 2147483647));
}

TEST_F(ImportCsvTest, OptionsThatDoNotFitAreUsage) {
  refused(Failure::usage, {"no label column 'lable'", "'label', 'b'", "1 to 2", "'last'"}, "label,b\n1,2\n",
          label("lable"));
  refused(Failure::usage, {"no label column '3'"}, "a,b\n1,2\n", label("3"));
  refused(Failure::usage, {"no label column '0'"}, "a,b\n1,2\n", label("0"));
  refused(Failure::usage, {"no label column 'a'", "1 to 2"}, "1,2\n", [](CsvImport& options) {
    options.header = false;
    options.label_column = "a";
  });
  refused(Failure::usage, {"two of its columns", "'a'"}, "a,a\n1,2\n", label("a"));
  refused(Failure::usage, {"no values are left"}, "a\n1\n", label("a"));
  refused(Failure::usage, {"from 0 to 300", "--scale 300"}, "a\n0\n300\n");
  refused(Failure::usage, {"from 0 to 2.5", "--scale 2.5"}, "a\n0\n2.5\n");
  refused(Failure::usage, {"rows have 2 values", "3x1"}, "a,b\n1,2\n", [](CsvImport& options) {
    options.picture = {3, 1};
  });
  refused(Failure::usage, {"line 2, column 2 ('b') is 0.5", "no uint8"}, "a,b\n1,0.5\n",
          [](CsvImport& options) { options.type = ElementType::uint8; });
  refused(Failure::usage, {"beyond float32"}, "a\n1e300\n", [](CsvImport& options) { options.scale = 1e300; });
}

TEST_F(ImportCsvTest, FilesWithoutRowsAreRefused) {
  refused(Failure::file, {"it is empty"}, "");
  refused(Failure::file, {"it is empty"}, "\n\n");
  refused(Failure::file, {"no rows"}, "a,b\n");
  refused(Failure::file, {"no rows"}, "a,b\n\n");
}

TEST_F(ImportCsvTest, DamagedFilesAreRefused) {
  refused(Failure::file, {"truncated gzip"}, test::gzip("a,b\n1,2\n").substr(0, 20));
  refused(Failure::file, {"quote in line 2 is not closed"}, "a,b\n\"1,2\n3,4\n");
  refused(Failure::file, {"quote in line 2 is not closed"}, "a,b\n\"1,2\n" + std::string(3000000, '1'));
  refused(Failure::file, {"line 2 has a quote in a wrong place"}, "a,b\n1\"2,2\n");
}

}  // namespace
}  // namespace rbmpi
