#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "import/examine.hpp"
#include "support/gzip.hpp"
#include "support/import_test.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ImportPlanTest : public test::ImportTest {
 protected:
  static Change label(const std::string& column) {
    return [column](ImportOptions& options) { options.label_column = column; };
  }
  static Change replaced(const std::vector<std::pair<std::string, double>>& rules) {
    return [rules](ImportOptions& options) { options.replaced = rules; };
  }
  static Change weights(const std::string& column) {
    return [column](ImportOptions& options) { options.weight_column = column; };
  }
  static Change missing(MissingValues how) {
    return [how](ImportOptions& options) { options.missing = how; };
  }
};

TEST_F(ImportPlanTest, ATableLikeKagglesBecomesBytes) {
  const ImportResult result = imported("label,pixel0,pixel1\n7,0,255\n300,128,1\n", label("label"));
  EXPECT_THAT(result.notes, IsEmpty());
  EXPECT_EQ(result.info.rows, 2U);
  EXPECT_EQ(result.info.columns, 2U);
  EXPECT_EQ(result.info.type, ElementType::uint8);
  EXPECT_EQ(result.info.scale, 255.0);
  EXPECT_EQ(result.info.source, "a.csv");
  EXPECT_THAT(result.columns, ElementsAre("values: 2 columns, column 2 ('pixel0') to column 3 ('pixel1')",
                                          "labels: column 1 ('label')"));
  EXPECT_THAT(bytes(), ElementsAre(0, 255, 128, 1));
  EXPECT_THAT(labels(), ElementsAre(7, 300));
  EXPECT_FALSE(imported("pixel0,pixel1\n0,255\n").info.has_labels);
}

TEST_F(ImportPlanTest, TheLabelColumnIsANameANumberOrTheLast) {
  const std::string content = "r,s,t\n5,2,3\n";
  for (const auto& [column, value] : {std::pair{"s", 2}, {"1", 5}, {"3", 3}, {"last", 3}}) {
    imported(content, label(column));
    EXPECT_THAT(labels(), ElementsAre(value)) << column;
  }
  imported("4,2,3\n4,5,6\n", label("2"));
  EXPECT_THAT(labels(), ElementsAre(2, 5));
  EXPECT_THAT(bytes(), ElementsAre(4, 3, 4, 6));
}

TEST_F(ImportPlanTest, TypeAndScaleFollowTheValues) {
  const auto made = [&](const std::string& content, const Change& change = no_change) {
    const DatasetInfo info = imported(content, change).info;
    return std::pair(info.type, info.scale);
  };
  using enum ElementType;
  EXPECT_EQ(made("a\n0\n1\n"), std::pair(uint8, 1.0));
  EXPECT_EQ(made("a\n0\n0.25\n"), std::pair(float32, 1.0));
  EXPECT_EQ(made("a\n0\n127\n"), std::pair(uint8, 127.0));
  EXPECT_EQ(made("a\n0\n128\n"), std::pair(uint8, 255.0));
  EXPECT_EQ(made("a\n0\n0\n"), std::pair(uint8, 1.0));
  const auto scaled = [](double scale) { return [scale](ImportOptions& options) { options.scale = scale; }; };
  EXPECT_EQ(made("a\n0\n300\n", scaled(300.0)), std::pair(float32, 300.0));
  EXPECT_EQ(made("a\n0\n3\n", scaled(16.0)), std::pair(uint8, 16.0));
  EXPECT_THAT(imported("a\n0\n3\n", scaled(16.0)).notes, IsEmpty());
  imported("a\n0.1\n", [](ImportOptions& options) { options.type = float64; });
  EXPECT_THAT(samples<double>(), ElementsAre(0.1));
  imported("a,b\n1,0\n",
           [](ImportOptions& options) {
             options.type = float32;
             options.shape = {2, 1};
           }  // namespace
  );
  EXPECT_THAT(samples<float>(), ElementsAre(1.0F, 0.0F));
  EXPECT_THAT(reader().info().picture, ElementsAre(2, 1));
}  // namespace rbmpi

TEST_F(ImportPlanTest, ManyBlocksComeInOrder) {
  const std::uint64_t rows = 6000;
  const std::uint64_t columns = 1000;
  std::string content;
  for (std::uint64_t row = 0; row < rows; ++row) {
    for (std::uint64_t column = 0; column < columns; ++column) {
      content += std::to_string((row * 31 + column) % 200);
      content += column + 1 < columns ? ',' : '\n';
    }
  }
  EXPECT_EQ(imported(test::gzip(content)).info.rows, rows);
  const std::vector<std::uint8_t> values = bytes();
  for (std::uint64_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(values[i], (i / columns * 31 + i % columns) % 200) << "at " << i;
}

TEST_F(ImportPlanTest, LabelsAreWholeNumbersOrTexts) {
  for (const char* text : {"0.5", "2147483648", "-2147483649"})
    refused(Failure::file, {"label in line 2, column 1 ('v')", "whole number"}, std::string("v,a\n") + text + ",1\n",
            label("v"));
  imported("v,a\n-2147483648,1\n2147483647,0\n", label("v"));
  EXPECT_THAT(labels(), ElementsAre(-2147483647 - 1, 2147483647));
  imported("v,a\nb,1\na,0\nb,1\n", label("v"));
  EXPECT_THAT(labels(), ElementsAre(1, 0, 1));
  EXPECT_THAT(reader().info().class_names, ElementsAre("a", "b"));
  refused(Failure::file, {"1 of its labels is missing", "line 3", "drop-row"}, "v,a\nb,1\n,0\n", label("v"));
  imported("v,a\nb,1\n,0\n", [](ImportOptions& options) {
    options.label_column = "v";
    options.missing = MissingValues::drop_row;
  });
  EXPECT_THAT(labels(), ElementsAre(0));
}

TEST_F(ImportPlanTest, LabelsThatAreCodesStayApart) {
  imported("v,a\n1E2,1\n1e3,0\nA4,1\n100,0\n", label("v"));
  EXPECT_THAT(reader().info().class_names, ElementsAre("100", "1E2", "1e3", "A4"));
  EXPECT_THAT(labels(), ElementsAre(1, 2, 3, 0));
  imported("v,a\n-1.0,1\nx,0\n-1,1\n01.00,0\n01,1\n", label("v"));
  EXPECT_THAT(reader().info().class_names, ElementsAre("-1", "01", "x"));
  EXPECT_THAT(labels(), ElementsAre(0, 2, 0, 1, 1));
  EXPECT_EQ(class_of_label("3.", DecimalMark::point), "3.");
  EXPECT_EQ(class_of_label("1.000", DecimalMark::said_comma), "1.000");
}

TEST_F(ImportPlanTest, LabelsMayBeThousandsAsValuesMay) {
  for (const char* other : {"", "3;1\n", "x;1\n"})
    refused(Failure::usage, {"column 1 ('v') is '1.000'", "--decimal point", "--decimal comma"},
            std::string("v;a\n1.000;1\n2.000;0\n") + other, label("v"));
  refused(Failure::file, {"column 1 ('v') is '1.000'", "column 2 ('a') is '0,5'"}, "v;a\n1.000;0,5\n2.000;0\n",
          label("v"));
  imported("v;a\n1.0;0\n2.0;1\n", label("v"));
  EXPECT_THAT(labels(), ElementsAre(1, 2));
}

TEST_F(ImportPlanTest, RulesThatReplaceNothingAreRefused) {
  const double missing = std::numeric_limits<double>::quiet_NaN();
  const std::string content = "v,a\n99,1\n1,0\nx,1\n";
  const auto with_labels = [&](const std::vector<std::pair<std::string, double>>& rules) {
    return [rules](ImportOptions& options) {
      options.label_column = "v";
      options.replaced = rules;
    };
  };
  refused(Failure::usage, {"--map 99=NA replaces nothing", "none of its values is 99", "labels and names"}, content,
          with_labels({{"99", missing}}));
  refused(Failure::usage, {"--map x=0 replaces nothing"}, content, with_labels({{"1", 0.5}, {"x", 0.0}}));
  refused(Failure::usage, {"--map 1.0=0 replaces nothing", "no rule before it"}, content,
          with_labels({{"1", 0.5}, {"1.0", 0.0}}));
  imported(content, with_labels({{"1", 0.5}}));
  EXPECT_THAT(samples<float>(), ElementsAre(0.5F, 0.0F, 0.5F));
}

TEST_F(ImportPlanTest, CodesForMissingValuesAreAskedAbout) {
  const std::string many = "a,b,c\n9,0,9\n1,9,0\n9,1,9\n0,9,1\n1,0,9\n9,1,0\n";
  refused(Failure::usage, {"8 of them are 9", "--map 9=NA", "--scale 9"}, many);
  refused(Failure::usage, {"column 1 ('a') goes up to 99", "--drop a", "--map 9=NA,99=NA"},
          "a,b,c\n9,0,1\n99,1,0\n1,1,1\n0,0,1\n");
  EXPECT_THAT(imported("a,b\n0,2\n1,1\n2,0\n").notes, ElementsAre(HasSubstr("2, in column 1 ('a'), means 1.0")));
}

TEST_F(ImportPlanTest, NinesFarAboveAllOtherValuesAreAskedAbout) {
  refused(Failure::usage, {"from 1 to 2 and then 9", "--map 9=NA", "--scale 9"}, "a,b,c\n1,2,9\n2,2,1\n9,1,2\n");
  refused(Failure::usage, {"from 1 to 5 and then 99", "--map 99=NA"}, "a,b,c\n1,2,99\n5,2,4\n3,1,2\n");
  for (const char* amounts : {"a,b,c\n9,0,6\n8,2,1\n4,1,2\n", "a,b,c\n0,90,99\n8,2,1\n4,1,2\n",
                              "a,b,c\n0,8,1\n8,2,1\n2,1,2\n", "a,b,c\n9,9,9\n9,9,9\n9,9,0\n"})
    EXPECT_EQ(imported(amounts).info.rows, 3U) << amounts;
}

TEST_F(ImportPlanTest, SeveralCodesAreAskedAboutTogether) {
  refused(Failure::usage, {"from 0 to 1 and then 8 to 9", "--map 8=NA,9=NA"}, "a,b,c\n0,1,9\n1,8,1\n1,0,1\n");
  refused(Failure::usage, {"from 1 to 5 and then 97 to 99", "--map 97=NA,98=NA,99=NA"},
          "a,b,c\n1,5,97\n98,2,99\n3,4,1\n");
  refused(Failure::usage, {"from 0 to 10 and then 77 to 99", "--map 77=NA,88=NA,99=NA"},
          "a,b,c\n10,0,77\n88,2,99\n3,4,1\n");
  const double missing = std::numeric_limits<double>::quiet_NaN();
  const auto without_codes = [&](ImportOptions& options) {
    options.replaced = {{"8", missing}, {"9", missing}};
    options.missing = MissingValues::drop_row;
  };
  imported("a,b,c\n0,1,9\n1,8,1\n1,0,1\n", without_codes);
  EXPECT_THAT(bytes(), ElementsAre(1, 0, 1));
  // Weights are no values that a code could be one of.
  refused(Failure::usage, {"from 1 to 5 and then 99"}, "a,b,w\n1,99,70\n5,2,75\n3,4,80\n",
          [](ImportOptions& options) { options.weight_column = "w"; });
}

TEST_F(ImportPlanTest, NumbersThatAreNamesOfOtherColumnsAreAskedAbout) {
  const std::string content = "2,3,1,x\n4,5,6,0\n7,8,9,1\n";
  const auto named = [](ImportOptions& options) { options.table.header = true; };
  const auto with = [&](const std::string& column) {
    return [=](ImportOptions& options) { named(options), options.label_column = column; };
  };
  refused(Failure::usage, {"'1' is the name of column 3", "--label-column name:1 or number:1"}, content, with("1"));
  for (const auto& [word, values] :
       {std::pair{"name:1", std::vector{6, 9}}, {"number:1", {4, 7}}, {"4", {0, 1}}, {"x", {0, 1}}}) {
    imported(content, with(word));
    EXPECT_EQ(labels(), (std::vector<std::int32_t>(values.begin(), values.end()))) << word;
  }
  const auto list = [&](const std::string& columns) {
    return [=](ImportOptions& options) { named(options), options.columns = columns; };
  };
  refused(Failure::usage, {"'2-3' in --columns", "number:2-3"}, content, list("2-3"));
  imported(content, list("number:2-3"));
  EXPECT_THAT(bytes(), ElementsAre(5, 6, 8, 9));
  imported(content, list("name:2,name:3"));
  EXPECT_THAT(bytes(), ElementsAre(4, 5, 7, 8));
  // Numbers that name their own places are in no doubt.
  imported("1,2,3\n4,5,6\n7,8,9\n", list("2-3"));
  EXPECT_THAT(bytes(), ElementsAre(5, 6, 8, 9));
}

TEST_F(ImportPlanTest, NumbersAsLabelsAreWrittenInOneWay) {
  refused(Failure::file, {"labels are '01' and '1'", "one way of writing"}, "a,b,label\n1,0,01\n0,1,1\n");
  refused(Failure::file, {"'+1' and '1'"}, "a,b,label\n1,0,+1\n0,1,1\n");
  imported("a,b,label\n1,0,01\n0,1,02\n");
  EXPECT_THAT(labels(), ElementsAre(1, 2));
}

TEST_F(ImportPlanTest, ListsOfEdgesAreAskedAbout) {
  for (const char* head : {"source,target", "from,to", "user_id,item_id", "node1,node2"})
    refused(Failure::usage, {"list of entries"}, head + std::string("\n1,2\n2,3\n1,3\n4,4\n"),
            [](ImportOptions& options) { options.label_column = "none"; });
}

TEST_F(ImportPlanTest, TwoTextsOfWhichNoneComesTwiceAreNames) {
  refused(Failure::file, {"column 1 ('name')", "--name-column name"}, "name,a,b\nNA,1,0\nZA,0,1\nBW,1,1\n");
  refused(Failure::file, {"column 1 ('answer')", "--map N=0,Y=1"}, "answer,a,b\nN,1,0\nY,0,1\nY,1,1\n");
}

TEST_F(ImportPlanTest, EdgesWithoutNamesAreAskedAbout) {
  std::string edges;
  for (int i = 0; i < 40; ++i) edges += fmt::format("{} {}\n", 1 + i * 7 % 20, 1 + i * i % 20);
  refused(Failure::usage, {"list of entries", "edges", "--columns"}, edges);
  EXPECT_EQ(imported(edges, [](ImportOptions& options) { options.columns = "1-2"; }).info.columns, 2U);
}

TEST_F(ImportPlanTest, ACodeInOneColumnIsAskedAbout) {
  refused(Failure::usage, {"column 1 ('smokes') has 0, 1 and 99", "--map 99=NA"},
          "smokes,age,size\n0,71,110\n1,35,120\n99,40,3\n1,50,5\n");
  refused(Failure::usage, {"column 1 ('smokes') has 0, 1 and 9,"},
          "smokes,age,size\n0,71,110\n1,35,120\n9,40,3\n9,50,5\n");
  EXPECT_EQ(imported("a,b,c\n0,71,110\n1,35,120\n9,40,3\n1,50,5\n").info.rows, 4U) << "counts may have a single 9";
}

TEST_F(ImportPlanTest, OneHotColumnsAtTheEndAreAskedAbout) {
  const std::string content = "7,255,0,1,0\n255,3,1,0,0\n9,90,0,0,1\n0,80,0,1,0\n";
  refused(Failure::usage, {"last 3 columns are zeros and ones", "--one-hot-labels 3-last", "--label-column none"},
          content);
  imported(content, [](ImportOptions& options) { options.one_hot_labels = "3-last"; });
  EXPECT_THAT(labels(), ElementsAre(1, 0, 2, 1));
  const auto as_values = [](ImportOptions& options) { options.label_column = "none", options.scale = 255; };
  EXPECT_EQ(imported(content, as_values).info.columns, 5U);
  const auto of_pictures = [](ImportOptions& options) { options.scale = 255; };
  EXPECT_EQ(imported("7,255,1,1\n255,3,0,0\n9,90,1,0\n", of_pictures).info.columns, 4U) << "as many ones as rows";
  EXPECT_EQ(imported("0.5,1,1\n0.2,0,0\n").info.columns, 3U);
  EXPECT_EQ(imported("a,b,c\n0,1,1\n0,0,0\n0,0,1\n0,1,0\n").info.columns, 3U);
  EXPECT_EQ(imported("0.5,1,0\n0.2,1,0\n").info.columns, 3U) << "constant columns";
  // Behind other bits, if there are enough rows to tell; columns of zeros before the labels are values.
  std::string bits;
  for (int i = 0; i < 20; ++i)
    bits += fmt::format("{},{},0,{}\n", i % 2, i / 2 % 2, i % 3 == 0 ? "1,0,0" : i % 3 == 1 ? "0,1,0" : "0,0,1");
  refused(Failure::usage, {"last 3 columns are zeros and ones", "--one-hot-labels 4-last"}, bits);
  EXPECT_EQ(imported(bits.substr(0, bits.size() / 2)).info.columns, 6U);
}

TEST_F(ImportPlanTest, TwoScalesAreNotOne) {
  refused(Failure::usage, {"3 columns go up to 1 and 2 to 10 or more, up to 100, in column 5 ('e')", "0.01", "--drop"},
          "a,b,c,d,e\n1,0,1,30,100\n0,1,1,20,7\n1,1,0,50,3\n");
  EXPECT_EQ(imported("a,b,c,d,e\n1,0,1,30,100\n0,1,4,20,7\n1,1,0,50,3\n").info.scale, 100) << "counts have all sizes";
}

TEST_F(ImportPlanTest, OnesAndTwosAreAskedAbout) {
  const std::string content = "a,b\n1,2\n2,1\n1,1\n";
  refused(Failure::usage, {"--map 1=0,2=1", "--scale 2"}, content);
  imported(content, replaced({{"1", 0}, {"2", 1}}));
  EXPECT_THAT(bytes(), ElementsAre(0, 1, 1, 0, 0, 0));
}

TEST_F(ImportPlanTest, ListsOfEntriesAreKnownByTheirNames) {
  for (const char* names : {"user,item,rating", "userId,movieId,rating", "user_id,Item ID,stars", "row,col,value"})
    refused(Failure::usage, {"list of entries", "--columns"}, std::string(names) + "\n1,2,3\n2,2,5\n1,1,4\n");
  EXPECT_EQ(imported("user,item,rating\n1,2,3\n2,2,5\n1,1,4\n", [](ImportOptions& options) { options.columns = "1-3"; })
                .info.columns,
            3U);
}

TEST_F(ImportPlanTest, LabelsThatMeanTheSameAreRefused) {
  for (const auto& [one, other] : {std::pair{"01", "1"}, {"0007", "7"}, {"True", "1"}, {"TRUE", "true"}, {"+3", "3"}})
    refused(Failure::file, {"its labels are '", one, other, "may mean the same"},
            std::string("v,a\nx,0\n") + one + ",1\n" + other + ",0\n", label("v"));
  imported("v,a\n-,0\n+,1\n-1,0\n1,1\n0,1\n", label("v"));
  EXPECT_THAT(reader().info().class_names, ElementsAre("-1", "0", "1", "+", "-"));
}

TEST_F(ImportPlanTest, WeightsThatAreAllZeroAreRefused) {
  refused(Failure::file, {"all weights in column 2 ('w') are 0"}, "a,w\n1,0\n0,0\n", weights("w"));
}

TEST_F(ImportPlanTest, WeightsAreFoundByNobodyAndSaid) {
  for (const char* name : {"weight", "Weights", "sample_weight"})
    EXPECT_THAT(imported(std::string("a,") + name + "\n1,0\n0,1\n").notes,
                ElementsAre(HasSubstr(std::string("--weight-column ") + name)));
  EXPECT_THAT(imported("a,weight\n1,0\n0,1\n", weights("weight")).notes, IsEmpty());
  refused(Failure::file, {"weights in column 2 ('weight') are from 0 to 1e+39", "from 0 to 3.4e38"},
          "a,weight\n1,0\n0,1e39\n", weights("weight"));
}

TEST_F(ImportPlanTest, RowNumbersAreNoValues) {
  const auto numbered = [](const std::string& name, int rows) {
    std::string content = name + ",p\n";
    for (int row = 0; row < rows; ++row) content += std::to_string(row + 1) + "," + std::to_string(row % 2) + "\n";
    return content;
  };
  for (const char* name : {"", "id", "ID", "index", "Unnamed: 0", "rownames"}) {
    imported(numbered(name, 6));
    EXPECT_EQ(reader().info().columns, 1U) << name;
    EXPECT_THAT(names(), ElementsAre("1", "2", "3", "4", "5", "6")) << name;
  }
  refused(Failure::usage, {"column 1 ('nr') only counts the rows", "--drop nr", "--name-column nr", "--columns"},
          numbered("nr", 6));
  EXPECT_EQ(imported(numbered("nr", 4)).info.columns, 2U) << "four rows may count by chance";
  imported(numbered("nr", 6), [](ImportOptions& options) { options.name_column = "nr"; });
  EXPECT_EQ(names().back(), "6");
  refused(Failure::usage, {"the same twice"}, "id,p\n1,0\n1,1\n");
}

TEST_F(ImportPlanTest, MissingValuesAreDecidedUpon) {
  const std::string content = "p,q\n1,\n0,1\nNA,0\n";
  refused(Failure::file, {"2 of its values are missing", "line 2, column 2 ('q') is empty"}, content);
  imported(content, missing(MissingValues::zero));
  EXPECT_THAT(bytes(), ElementsAre(1, 0, 0, 1, 0, 0));
  imported(content, missing(MissingValues::drop_row));
  EXPECT_THAT(bytes(), ElementsAre(0, 1));
  imported(content, missing(MissingValues::mean));
  EXPECT_THAT(samples<float>(), ElementsAre(1.0F, 0.5F, 0.0F, 1.0F, 0.5F, 0.0F));
  refused(Failure::file, {"none is left"}, "p,q\n1,\nNA,0\n", missing(MissingValues::drop_row));
  refused(Failure::usage, {"column 2 ('q') has no value at all"}, "p,q\n1,\n0,\n", missing(MissingValues::mean));
}

TEST_F(ImportPlanTest, TwoTextsAreOffAndOn) {
  refused(Failure::file, {"line 1, column 1 is 'Y'", "two texts", "--map N=0,Y=1 ", "--label-column 1"},
          "Y,N\nN,Y\nY,Y\n");
  refused(Failure::file, {"line 2, column 2 ('b') is 'on'", "--map off=0,on=1 ", "--drop b"},
          "a,b\n0,on\n1,off\n0,NA\n");
  refused(Failure::file, {"--map F=0,T=1,female=0,male=1 "}, "a,b,c\nT,male,T\nF,female,T\nF,male,T\n");
  refused(Failure::file, {"--map 'is=0,isn'\\''t=1' "}, "a,b\nis,1\nisn't,0\nis,0\n");
  refused(Failure::file, {"--map +=1,-=0 "}, "+,-\n-,+\n");
  for (const char* content : {"a,b\nx,1\ny,0\nz,1\nz,0\n", "a,b\n\"x, y\",1\nz,0\n\"x, y\",1\n",
                              "a,b,c\nA,G,1\nG,T,0\nG,T,0\n", "a,b\nx,1\nx,0\n"})
    refused(Failure::file, {"it is a column of texts: --label-column a"}, content);
  EXPECT_EQ(imported("a,b\nY,0\nN,1\n", replaced({{"N", 0}, {"Y", 1}})).info.rows, 2U);
}

TEST_F(ImportPlanTest, ColumnsThatMayHaveLabelsAreNamed) {
  refused(Failure::usage, {"column 3 goes up to 9", ", --label-column 3 if it has the labels"},
          "0,1,9\n1,0,4\n1,1,0\n");
  refused(Failure::usage, {"column 1 ('k') goes up to 2", ", --label-column k if it has the labels"},
          "k,a,b\n2,1,0\n0,1,1\n1,0,1\n");
  refused(Failure::usage, {"from 0 to 3, in column 3", ", --label-column 3 if"}, "0.5,1,3\n1,0.25,0\n0.1,0,2\n");
  refused(Failure::usage, {"from -1 to 3", ", --label-column 3 if"}, "-1,1,3\n1,-1,0\n1,1,2\n");
  refused(Failure::usage, {"from -1 to 1", ", --label-column 1 if"}, "-1,0.5,0\n1,0.1,1\n1,1,0\n");
  for (const char* content : {"9,8,7\n0,255,4\n3,128,0\n", "0.5,0.1,1\n0.25,0.5,0\n0.1,0.75,1\n",
                              "a,b,c,d,e\n200,255,255,128,9\n128,128,0,3,0\n130,9,4,1,4\n"})
    EXPECT_THAT(imported(content).notes, testing::Contains(HasSubstr("--label-column"))) << content;
  const auto settled = [](ImportOptions& options) { options.label_column = "none"; };
  EXPECT_THAT(imported("0.5,0.1,1\n0.25,0.5,0\n0.1,0.75,1\n", settled).notes, IsEmpty());
  EXPECT_THAT(imported("a,b,c\n2,5,9\n7,3,0\n1,9,4\n").notes, ElementsAre(HasSubstr("means 1.0")));
}

TEST_F(ImportPlanTest, OneTextIsMissingOrAMark) {
  refused(Failure::file, {"line 4, column 1 ('a') is '-'", "--map -=NA "}, "a,b\n1,0\n0,1\n-,0\n");
  refused(Failure::file, {"--map unknown=NA "}, "a,b\nyes,0\nno,1\nunknown,0\n");
  refused(Failure::file, {"--map x=1 --missing zero "}, "a,b\nx,0\n,1\nx,0\n");
}

TEST_F(ImportPlanTest, ValuesOutsideTheScaleAreNamed) {
  refused(Failure::usage, {"from -1 to 4", "--map"}, "a,b,c\n1,2,3\n4,5,-1\n", label("b"));
  refused(Failure::file, {"17, in column 1 ('a')", "[0, 16]"}, "a\n17\n",
          [](ImportOptions& options) { options.scale = 16.0; });
}

TEST_F(ImportPlanTest, OptionsThatDoNotFitAreUsage) {
  refused(Failure::usage, {"no column 'lable'", "--label-column", "'label', 'b'", "1 to 2", "'last'"}, "label,b\n1,2\n",
          label("lable"));
  refused(Failure::usage, {"no column '3'"}, "a,b\n1,2\n", label("3"));
  refused(Failure::usage, {"no column '0'"}, "a,b\n1,2\n", label("0"));
  refused(Failure::usage, {"two of its columns", "'a'"}, "a,a\n1,2\n", label("a"));
  refused(Failure::usage, {"left for values"}, "a\n1\n", label("a"));
  refused(Failure::usage, {"from 0 to 300", "--scale 300"}, "a\n0\n300\n");
  refused(Failure::usage, {"from 0 to 2.5", "--scale 2.5"}, "a\n0\n2.5\n");
  refused(Failure::usage, {"rows have 2 values", "3x1"}, "a,b\n0,2\n", [](ImportOptions& options) {
    options.shape = {3, 1};
  });
  refused(Failure::usage, {"no uint8", "not whole"}, "a,b\n1,0.5\n",
          [](ImportOptions& options) { options.type = ElementType::uint8; });
  refused(Failure::usage, {"beyond float32"}, "a\n1e300\n", [](ImportOptions& options) { options.scale = 1e300; });
}

TEST_F(ImportPlanTest, ASparseDatasetHasTheSameValues) {
  imported("p,q,r\n1,0,0\n0,0,1\n0,1,0\n", [](ImportOptions& options) { options.sparse = true; });
  EXPECT_TRUE(reader().info().sparse);
  EXPECT_THAT(bytes(), ElementsAre(1, 0, 0, 0, 0, 1, 0, 1, 0));
}

TEST_F(ImportPlanTest, InAChildTheSameComesOut) {
  ImportOptions options;
  options.file = folder_.write("a.csv", "id,label,p\na,x,1\nb,y,3\n");
  options.output = made_ / "a.h5";
  const ImportResult here = import_file(options);
  const ImportResult there = import_in_child(options);
  EXPECT_EQ(here.kind, there.kind);
  EXPECT_EQ(here.notes, there.notes);
  EXPECT_EQ(here.notes.size(), 3U);
  EXPECT_EQ(here.columns, there.columns);
  EXPECT_EQ(there.info.class_names, here.info.class_names);
  EXPECT_EQ(there.info.rows, 2U);
}

}  // namespace
}  // namespace rbmpi
