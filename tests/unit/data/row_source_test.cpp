#include "rbmpi/data/row_source.hpp"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/core/threads.hpp"
#include "support/labelled_samples.hpp"

namespace rbmpi {
namespace {

TEST(RowsTest, ThereAreNoneByDefault) {
  const Rows rows;
  EXPECT_EQ(rows.rows, 0U);
  EXPECT_EQ(rows.columns, 0U);
  EXPECT_EQ(rows.labels, nullptr);
  RowBlocks(rows, 10).next(0, 0);
}

TEST(RowsTest, APartOfAPartIsOfTheSource) {
  const test::LabelledSamples samples(50, 7, 3);
  const Rows part = Rows(samples.view()).part(10, 30).part(5, 20);
  EXPECT_EQ(part.rows, 20U);
  EXPECT_EQ(part.columns, 7U);
  EXPECT_EQ(part.labels, samples.view().labels + 15);
  RowBlocks blocks(part, 4);
  std::vector<double> v(7);
  blocks.next(16, 4).read({3, 1}, {v.data(), 1, 7});
  EXPECT_EQ(v, samples.row(34));
}

// More rows than are found at a time, by several threads.
TEST(RowReaderTest, ReadsRowsInTheOrderOfTheEpoch) {
  use_threads(2);
  constexpr std::uint64_t rows = 1000;
  const test::LabelledSamples samples(rows, 5, 2);
  const RowOrder order(rows, true, 1, 0, 1);
  Workspace memory;
  const std::unique_ptr<RowReader> reader = Rows(samples.view()).reader({.most_rows = rows}, memory);
  reader->next(order, 100, 700);
  constexpr Shard some{50, 600};
  std::vector<Real> values(some.count * 5);
  reader->read_on_all_threads(some, unrounded, {values.data(), some.count, 5});
  std::vector<std::int32_t> labels(some.count);
  reader->read_labels(some, labels);
  for (std::uint64_t i = 0; i < some.count; ++i) {
    const std::uint64_t row = order.row(150 + i);
    for (std::size_t j = 0; j < 5; ++j) ASSERT_EQ(values[i * 5 + j], static_cast<Real>(samples.value(row, j))) << i;
    ASSERT_EQ(labels[i], samples.view().labels[row]) << i;
  }
  use_threads(1);
}

}  // namespace
}  // namespace rbmpi
