#include <initializer_list>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/import/import.hpp"
#include "support/expect_error.hpp"
#include "support/gzip.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

using testing::ElementsAre;
namespace fs = std::filesystem;

/// An IDX file: magic number, sizes, bytes.
std::string idx(std::initializer_list<std::uint32_t> header, std::string_view bytes) {
  std::string content;
  for (const std::uint32_t number : header)
    for (const unsigned shift : {24U, 16U, 8U, 0U}) content += static_cast<char>(number >> shift & 0xffU);
  return content.append(bytes);
}

class ImportIdxTest : public testing::Test {
 protected:
  ImportOptions imported(const std::string& images) const {
    ImportOptions options;
    options.file = folder_.write("images", images);
    options.output = made_ / "a.h5";
    options.table.format = "idx";
    return options;
  }
  ImportOptions imported(const std::string& images, const std::string& labels) const {
    ImportOptions options = imported(images);
    options.table.labels = folder_.write("labels", labels);
    return options;
  }
  void refused(const std::vector<std::string>& fragments, const ImportOptions& options) const {
    test::expect_error(Failure::file, fragments, [&] { static_cast<void>(import_file(options)); });
    EXPECT_EQ(made_.entries(), 0U) << "nothing is left behind";
  }

  const std::string images_ = idx({0x803, 2, 1, 3}, std::string_view("\x00\x01\x02\xff\xfe\x7f", 6));
  const std::string labels_ = idx({0x801, 2}, "\x07\xc8");
  test::TemporaryFolder folder_;
  test::TemporaryFolder made_;
};

TEST_F(ImportIdxTest, PlainAndGzipMakeTheSameDataset) {
  for (const bool packed : {false, true}) {
    const ImportResult result =
        import_file(packed ? imported(test::gzip(images_), test::gzip(labels_)) : imported(images_, labels_));
    EXPECT_TRUE(result.notes.empty());
    const DatasetReader reader(made_ / "a.h5");
    EXPECT_EQ(reader.info().rows, 2U);
    EXPECT_EQ(reader.info().columns, 3U);
    EXPECT_EQ(reader.info().type, ElementType::uint8);
    EXPECT_EQ(reader.info().scale, 255.0);
    EXPECT_THAT(reader.info().picture, ElementsAre(1, 3));
    EXPECT_EQ(reader.info().source, "images");
    std::vector<std::uint8_t> samples(6);
    reader.read_samples(0, 2, samples.data());
    EXPECT_THAT(samples, ElementsAre(0, 1, 2, 255, 254, 127));
    std::vector<std::int32_t> labels(2);
    reader.read_labels(0, 2, labels.data());
    EXPECT_THAT(labels, ElementsAre(7, 200));
  }
}

TEST_F(ImportIdxTest, LabelsAreOptionalAndTheSourceIsKept) {
  ImportOptions options = imported(images_);
  options.source = "made up";
  import_file(options);
  const DatasetReader reader(made_ / "a.h5");
  EXPECT_FALSE(reader.info().has_labels);
  EXPECT_EQ(reader.info().source, "made up");
}

TEST_F(ImportIdxTest, ManyBlocksComeInOrder) {
  const std::uint32_t rows = 9000;
  const std::uint32_t columns = 1000;  // 9 MB: more than one block
  std::string bytes;
  for (std::uint32_t i = 0; i < rows * columns; ++i) bytes += static_cast<char>(i % 253);
  std::string labels;
  for (std::uint32_t i = 0; i < rows; ++i) labels += static_cast<char>(i % 7);
  import_file(imported(test::gzip(idx({0x802, rows, columns}, bytes)), idx({0x801, rows}, labels)));
  const DatasetReader reader(made_ / "a.h5");
  EXPECT_EQ(reader.info().rows, rows);
  EXPECT_TRUE(reader.info().picture.empty());
  std::vector<std::uint8_t> samples(rows * columns);
  reader.read_samples(0, rows, samples.data());
  EXPECT_EQ(std::string(samples.begin(), samples.end()), bytes);
  std::vector<std::int32_t> values(rows);
  reader.read_labels(0, rows, values.data());
  for (std::uint32_t i = 0; i < rows; ++i) ASSERT_EQ(values[i], static_cast<std::int32_t>(i % 7));
}

TEST_F(ImportIdxTest, ImagesAndLabelsAreNotTakenForEachOther) {
  refused({"images", "one dimension", "swapped"}, imported(labels_, images_));
  refused({"labels", "labels have one dimension", "swapped"}, imported(images_, images_));
  refused({"images"}, imported("\x89HDF\r\n\x1a\n"));
}

TEST_F(ImportIdxTest, EmptyAndTruncatedFilesAreRefused) {
  refused({"images", "ends after 0 bytes"}, imported(""));
  for (std::size_t length = 1; length < 16; ++length)
    refused({"images", "ends after " + std::to_string(length) + (length == 1 ? " byte," : " bytes,"), "header"},
            imported(images_.substr(0, length)));
  refused({"images", "more than the file holds"}, imported(images_.substr(0, images_.size() - 1)));
  refused({"images", "ends after 21 bytes"}, imported(test::gzip(images_.substr(0, images_.size() - 1))));
  refused({"labels", "more than the file holds"}, imported(images_, labels_.substr(0, labels_.size() - 1)));
  refused({"images", "truncated gzip"}, imported(test::gzip(images_).substr(0, 30)));
}

TEST_F(ImportIdxTest, SizesThatLieAreRefusedBeforeAnythingIsAllocated) {
  const std::uint32_t huge = 0xffffffff;
  refused({"images", "more than the file holds"}, imported(idx({0x803, huge, huge, huge}, "1")));
  refused({"images", "more than the file holds"}, imported(idx({0x804, 1, huge, huge, huge}, "1")));
  refused({"images", "more than the file holds"}, imported(idx({0x803, huge, 28, 28}, "1")));
  refused({"images", "more than the file holds"}, imported(test::gzip(idx({0x803, 1, 30000, 30000}, "1"))));
  refused({"labels", "more than the file holds"}, imported(images_, idx({0x801, huge}, "1")));
  refused({"it is empty"}, imported(idx({0x803, 0, 28, 28}, "")));
  refused({"[5 x 0 x 28]"}, imported(idx({0x803, 5, 0, 28}, "")));
  refused({"images", "goes on behind the 6 bytes"}, imported(images_ + "x"));
  refused({"labels", "goes on behind the 2 bytes"}, imported(images_, labels_ + "x"));
}

TEST_F(ImportIdxTest, ImagesAndLabelsMustBeAsMany) {
  refused({"labels", "3 labels for the 2 rows", "images'"}, imported(images_, idx({0x801, 3}, "abc")));
}

TEST_F(ImportIdxTest, AnOldDatasetSurvivesAFailure) {
  import_file(imported(images_));
  const auto size = fs::file_size(made_ / "a.h5");
  test::expect_error(Failure::file, {"goes on"}, [&] { static_cast<void>(import_file(imported(images_ + "x"))); });
  EXPECT_EQ(fs::file_size(made_ / "a.h5"), size);
  EXPECT_EQ(made_.entries(), 1U);
}

}  // namespace
}  // namespace rbmpi
