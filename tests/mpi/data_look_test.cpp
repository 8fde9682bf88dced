#include "rbmpi/data/data_look.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rbmpi/data/node_samples.hpp"
#include "rbmpi/data/shard.hpp"
#include "support/temporary_folder.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;

/// Rows of bytes: one column counts them, one is constant, one counts but for the last row, one is whatever it is.
struct Bytes {
  static constexpr std::uint64_t columns = 4;
  std::vector<std::uint8_t> values;
  std::vector<std::int32_t> labels;

  Bytes(std::uint64_t rows, std::uint64_t most) : values(rows * columns), labels(rows) {
    for (std::uint64_t i = 0; i < rows; ++i) {
      const std::uint64_t row[] = {i, 7, i + 1 == rows ? 0 : i, (i * i * 31 + 5) % (most + 1)};
      for (std::uint64_t j = 0; j < columns; ++j) values[i * columns + j] = static_cast<std::uint8_t>(row[j]);
      labels[i] = static_cast<std::int32_t>(3 * i / rows);
    }
  }
  [[nodiscard]] Samples samples() const {
    return {ElementType::uint8, reinterpret_cast<const std::byte*>(values.data()), labels.size(), columns, 255,
            labels.data()};
  }
};

class DataLookMpiTest : public testing::Test {
 protected:
  // One folder for all ranks.
  DataLookMpiTest() {
    if (world_.is_root()) folder_.emplace();
    path_ = fs::path(world_.broadcast(folder_ ? folder_->path().string() : "")) / "d.h5";
  }
  ~DataLookMpiTest() override { world_.barrier(); }
  DataLookMpiTest(const DataLookMpiTest&) = delete;
  DataLookMpiTest& operator=(const DataLookMpiTest&) = delete;

  /// The texts of what the ranks find in a file as another program would have written it.
  [[nodiscard]] std::vector<std::string> found_in_file(const Bytes& bytes, std::optional<double> scale,
                                                       int ranks_per_node) const {
    world_.agree_on_root([&] {
      const Samples samples = bytes.samples();
      Hdf5File file = Hdf5File::create(path_);
      file.create_array("/samples", ElementType::uint8, {samples.rows, samples.columns});
      file.write_rows("/samples", ElementType::uint8, 0, samples.rows, samples.values);
      file.create_texts("/column_names", 2, samples.columns);
      file.append_texts("/column_names", std::vector<std::string>{"id", "b", "c", "d"});
      file.close();
    });
    const Communicator node = world_.split_by_node(ranks_per_node);
    const NodeSamples data(
        world_, node, path_, 0, [](const DatasetInfo&) -> std::uint64_t { return 0; }, {}, scale);
    std::vector<std::string> texts;
    for (const Finding& finding : data.findings()) texts.push_back(name_of(finding.kind) + (": " + finding.text));
    EXPECT_EQ(data.info().scale, scale.value_or(255));
    return texts;
  }

  Communicator world_ = Communicator::world();
  std::optional<test::TemporaryFolder> folder_;
  fs::path path_;
};

TEST_F(DataLookMpiTest, TheRanksSeeWhatOneSees) {
  // Also fewer rows than ranks, and shares of a single row.
  for (const std::uint64_t rows : std::vector<std::uint64_t>{1, 2, 3, 5, 8, 9, 100}) {
    const Bytes bytes(rows, 200);
    const Samples samples = bytes.samples();
    const Shard mine = shard(rows, world_.rank(), world_.size());
    DataLook look(samples.columns, DuplicateRows::counted);
    look.add(samples.part(mine.first, mine.count));
    look.combine(world_);
    DataLook all(samples.columns, DuplicateRows::counted);
    all.add(samples);
    EXPECT_EQ(look.rows(), rows);
    for (std::size_t j = 0; j < samples.columns; ++j) {
      EXPECT_EQ(look.columns()[j].smallest, all.columns()[j].smallest) << rows << " rows, column " << j;
      EXPECT_EQ(look.columns()[j].largest, all.columns()[j].largest);
      EXPECT_EQ(look.columns()[j].sum, all.columns()[j].sum);
      EXPECT_EQ(look.columns()[j].nonzero, all.columns()[j].nonzero);
      EXPECT_EQ(look.columns()[j].step, all.columns()[j].step);
    }
    EXPECT_EQ(look.counting_columns(), all.counting_columns()) << rows;
    EXPECT_EQ(look.counting_columns(), rows < 8 ? std::vector<std::uint64_t>() : std::vector<std::uint64_t>{0});
    EXPECT_EQ(look.constant_columns(), all.constant_columns());
    EXPECT_EQ(look.constant_rows(), all.constant_rows());
    EXPECT_EQ(look.duplicate_rows(), all.duplicate_rows());
    EXPECT_EQ(look.two_valued(), all.two_valued());
    EXPECT_EQ(look.labels().classes(), all.labels().classes());
    EXPECT_EQ(look.labels().sorted_by_class(), all.labels().sorted_by_class());
    EXPECT_EQ(look.labels().sorted_by_class(), rows > 3);
  }
}

TEST_F(DataLookMpiTest, AllRanksHaveTheFindingsOfTheFile) {
  using testing::ElementsAre;
  using testing::HasSubstr;
  const auto counts = HasSubstr("counting-column: column 1 (counted from 1), 'id', numbers the rows (0, 1, 2, ...)");
  for (const int ranks_per_node : {0, 1, 2}) {
    EXPECT_THAT(found_in_file(Bytes(100, 90), std::nullopt, ranks_per_node),
                ElementsAre(HasSubstr("scale-unsaid: its values are whole numbers from 0 to 99 (uint8)"), counts,
                            HasSubstr("constant-columns: 1 of 4 columns has")));
    EXPECT_THAT(found_in_file(Bytes(100, 90), 99.0, ranks_per_node),
                ElementsAre(counts, HasSubstr("constant-columns")));
    EXPECT_THAT(found_in_file(Bytes(100, 90), 255.0, ranks_per_node),
                ElementsAre(counts, HasSubstr("far-below-scale: its largest value is 99, but 255 means 1.0"),
                            HasSubstr("constant-columns")));
    EXPECT_THAT(found_in_file(Bytes(7, 200), std::nullopt, ranks_per_node), ElementsAre(HasSubstr("constant-columns")));
  }
}

}  // namespace
}  // namespace rbmpi
