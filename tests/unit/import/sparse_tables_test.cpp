#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "import/libsvm.hpp"
#include "import/matrix_market.hpp"
#include "support/gzip.hpp"
#include "support/import_test.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SparseTablesTest : public test::ImportTest {};

TEST_F(SparseTablesTest, LibsvmIsKnownByItsLines) {
  EXPECT_TRUE(is_libsvm("1 1:0.5 2:1\n0 3:1\n"));
  EXPECT_TRUE(is_libsvm("# made\n+1 1:1\n-1\n"));
  EXPECT_TRUE(is_libsvm("1 qid:3 1:1\n"));
  EXPECT_FALSE(is_libsvm("1 2 3\n4 5 6\n"));
  EXPECT_FALSE(is_libsvm("1\n0\n"));
  EXPECT_FALSE(is_libsvm("a 1:1\n"));
  EXPECT_FALSE(is_libsvm("1 12:30:15\n"));
  std::string beyond = "1";
  for (int i = 1; i < 20000; ++i) beyond += " " + std::to_string(i) + ":1";
  EXPECT_TRUE(is_libsvm(beyond.substr(0, 1U << 16U))) << "its first line is longer than what is looked at";
}

TEST_F(SparseTablesTest, LibsvmFromOneAndFromZero) {
  imported("3 1:1 4:2\n1 2:1 # a comment\n\n2\n");
  EXPECT_THAT(bytes(), ElementsAre(1, 0, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(labels(), ElementsAre(3, 1, 2));
  imported(test::gzip("0 0:1 3:2\r\n1 1:1\r\n"));
  EXPECT_THAT(bytes(), ElementsAre(1, 0, 0, 2, 0, 1, 0, 0));
  EXPECT_FALSE(imported("0.5 1:1\n", [](ImportOptions& options) { options.label_column = "none"; }).info.has_labels);
}

TEST_F(SparseTablesTest, LibsvmSaysInACommentWhereColumnsBegin) {
  imported("# Column indices are zero-based\n1 1:1 2:1\n0 1:2\n");
  EXPECT_THAT(bytes(), ElementsAre(0, 1, 1, 0, 2, 0));
  imported("# columns are not zero-based but one-based\n1 1:1 2:1\n0 1:2\n");
  EXPECT_THAT(bytes(), ElementsAre(1, 1, 2, 0));
}

TEST_F(SparseTablesTest, LabelsThatCountPairsAreInDoubt) {
  const std::string documents = "3 0:1 5:2 9:1\n2 1:1 2:1\n4 0:1 1:1 2:1 3:3\n";
  refused(Failure::usage, {"number of its pairs", "LDA-C", "--label-column none"}, documents);
  const auto without = [](ImportOptions& options) { options.label_column = options.table.labels = "none"; };
  EXPECT_FALSE(imported(documents, without).info.has_labels);
  EXPECT_TRUE(imported("1 1:1\n1 2:1\n1 3:1\n").info.has_labels);
}

TEST_F(SparseTablesTest, LibsvmIsStoredSparselyIfMostIsZero) {
  EXPECT_TRUE(imported("1 1:1 8:1\n0 3:1\n").info.sparse);
  EXPECT_FALSE(imported("1 1:1 2:1\n0 3:1\n").info.sparse);
  EXPECT_EQ(imported("1 1:1 3:1 8:1\n0 2:1\n", [](ImportOptions& options) { options.drop = "3-7"; }).info.columns, 3U);
  EXPECT_THAT(bytes(), ElementsAre(1, 0, 1, 0, 1, 0));
}

TEST_F(SparseTablesTest, LibsvmWithMissingValues) {
  refused(Failure::file, {"1 of its values is missing", "line 2, column 1"}, "1 2:1\n0 1:nan\n");
  imported("1 2:1\n0 1:nan\n", [](ImportOptions& options) { options.missing = MissingValues::drop_row; });
  EXPECT_THAT(bytes(), ElementsAre(0, 1));
}  // namespace

TEST_F(SparseTablesTest, DamagedLibsvmIsRefused) {
  const Change libsvm = [](ImportOptions& options) { options.table.format = "libsvm"; };
  refused(Failure::file, {"line 1 has the index 2 after 2"}, "1 2:1 2:1\n");
  refused(Failure::file, {"line 2 has '1:x'"}, "1 2:1\n0 1:x\n", libsvm);
  refused(Failure::file, {"line 1 has the index 4294967295"}, "1 4294967295:1\n");
  refused(Failure::file, {"line 2 begins with 'x'"}, "1 2:1\nx 1:1\n", libsvm);
  refused(Failure::file, {"no rows"}, "# nothing\n", libsvm);
  refused(Failure::file, {"labels and no values"}, "1\n0\n", libsvm);
  refused(Failure::usage, {"sparse", "--map"}, "1 2:1\n", [](ImportOptions& options) {
    options.replaced = {{"0", 1.0}};
  });
}

std::string market(const std::string& kind, const std::string& rest) {
  return "%%MatrixMarket matrix " + kind + "\n% a comment\n\n" + rest;
}

TEST_F(SparseTablesTest, MatrixMarket) {
  const ImportResult result = imported(market("coordinate real general", "3 4 3\n3 4 1\n1 1 0.5\n3 1 0.25\n"));
  EXPECT_THAT(result.kind, HasSubstr("3 x 4"));
  EXPECT_FALSE(result.info.sparse);
  EXPECT_THAT(samples<float>(), ElementsAre(0.5F, 0, 0, 0, 0, 0, 0, 0, 0.25F, 0, 0, 1));
  imported(market("coordinate pattern symmetric", "2 2 2\n2 1\n2 2\n"));
  EXPECT_THAT(bytes(), ElementsAre(0, 1, 1, 1));
  imported(market("array integer general", "2 3\n0\n1\n1\n0\n0\n1\n"));
  EXPECT_THAT(bytes(), ElementsAre(0, 1, 0, 1, 0, 1));
  imported(market("array real symmetric", "2 2\n0\n1\n0.5\n"));
  EXPECT_THAT(samples<float>(), ElementsAre(0, 1, 1, 0.5F));
}

TEST_F(SparseTablesTest, ColumnsOfMatrixMarketMayBeTheSamples) {
  const auto transposed = [](ImportOptions& options) { options.table.transpose = true; };
  const std::string array = market("array integer general", "2 3\n0\n1\n1\n0\n0\n1\n");
  EXPECT_THAT(imported(array).notes, ElementsAre(HasSubstr("2 x 3, has more columns than rows; --transpose")));
  EXPECT_THAT(imported(array, transposed).notes, ElementsAre(HasSubstr("The columns of the matrix, 2 x 3, are")));
  EXPECT_THAT(bytes(), ElementsAre(0, 1, 1, 0, 0, 1));
  EXPECT_EQ(reader().info().rows, 3U);
  const std::string sparse = market("coordinate real general", "3 4 3\n3 4 1\n1 1 0.5\n3 1 0.25\n");
  EXPECT_THAT(imported(sparse).notes, IsEmpty()) << "documents have more words than there are of them";
  imported(sparse, transposed);
  EXPECT_THAT(samples<float>(), ElementsAre(0.5F, 0, 0.25F, 0, 0, 0, 0, 0, 0, 0, 0, 1));
  imported(market("coordinate pattern symmetric", "3 3 2\n2 1\n3 2\n"), transposed);
  EXPECT_THAT(bytes(), ElementsAre(0, 1, 0, 1, 0, 1, 0, 1, 0));
  refused(Failure::file, {"two values for row 2, column 1"}, market("coordinate real general", "3 2 2\n2 1 1\n2 1 1\n"),
          transposed);
  EXPECT_THAT(imported("%%MatrixMarket matrix coordinate integer general\n%metadata_json: {\"format_version\": 2}\n"
                       "3 2 1\n3 1 1\n")
                  .notes,
              ElementsAre(HasSubstr("--transpose makes a row of each cell")));
}

TEST_F(SparseTablesTest, DamagedMatrixMarketIsRefused) {
  refused(Failure::file, {"line 1", "no header of a matrix"}, "%%MatrixMarket vector\n");
  refused(Failure::file, {"line 1 says 'hermitian'"}, market("coordinate real hermitian", "1 1 1\n1 1 1\n"));
  refused(Failure::file, {"line 1 says 'skew-symmetric'"}, market("coordinate real skew-symmetric", "1 1 1\n1 1 1\n"));
  refused(Failure::file, {"line 1 says 'complex'"}, market("coordinate complex general", "1 1 1\n1 1 1 0\n"));
  refused(Failure::file, {"array", "pattern"}, market("array pattern general", "1 1\n1\n"));
  refused(Failure::file, {"ends before the size"}, market("coordinate real general", ""));
  refused(Failure::file, {"line 4 has 2 words"}, market("coordinate real general", "2 2\n"));
  refused(Failure::file, {"more than the file holds"}, market("coordinate real general", "9 9 81\n1 1 1\n"));
  refused(Failure::file, {"more than the file holds"}, market("coordinate real general", "999999999 9 1\n1 1 1\n"));
  refused(Failure::file, {"not square"}, market("coordinate real symmetric", "2 3 1\n1 1 1\n"));
  refused(Failure::file, {"ends after 1 number", "promises 2"}, market("coordinate real general", "2 2 2\n1 1 1\n"));
  refused(Failure::file, {"line 6 goes on"}, market("coordinate real general", "2 2 1\n1 1 1\n2 2 1\n"));
  refused(Failure::file, {"line 5 has '3'", "1 to 2"}, market("coordinate real general", "2 2 1\n3 1 1\n"));
  refused(Failure::file, {"line 5 has 'x'"}, market("coordinate real general", "2 2 1\n1 1 x\n"));
  refused(Failure::file, {"two values for row 2, column 1"},
          market("coordinate real general", "2 2 2\n2 1 1\n2 1 1\n"));
}

}  // namespace
}  // namespace rbmpi
