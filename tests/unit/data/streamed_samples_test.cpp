#include "data/streamed_samples.hpp"

#include <cstdint>

#include <gtest/gtest.h>

#include "rbmpi/data/dataset_digest.hpp"

namespace rbmpi {
namespace {

TEST(CheckedRowsTest, EachRowHasOneChecksumWithinItsBlock) {
  for (const std::uint64_t columns : {100U, 784U, 1000U, 61000U, 66000U, 400000U, 3000000U}) {
    DatasetInfo info;
    info.columns = columns;
    const std::uint64_t block = digest_block_rows(columns, info.type);
    for (const std::uint64_t rows : {std::uint64_t{1}, block, 3 * block, 3 * block + block / 2 + 1}) {
      info.rows = rows;
      const CheckedRows checked(info);
      EXPECT_LE(checked.most_rows() * columns, std::uint64_t{100000} + columns);
      std::uint64_t next = 0;
      for (std::uint64_t number = 0; number < checked.count(); ++number) {
        const Shard some = checked.rows(number);
        ASSERT_EQ(some.first, next) << columns << " columns, " << rows << " rows";
        ASSERT_GT(some.count, 0U);
        ASSERT_LE(some.count, checked.most_rows());
        next += some.count;
        ASSERT_EQ(some.first / block, (next - 1) / block);
        ASSERT_EQ(checked.number(some.first), number);
        ASSERT_EQ(checked.number(next - 1), number);
      }
      EXPECT_EQ(next, rows);
      const std::uint64_t blocks = digest_blocks(rows, columns, info.type);
      const Shard last = checked.of_blocks({blocks - 1, 1});
      EXPECT_EQ(checked.rows(last.first).first, (blocks - 1) * block);
      EXPECT_EQ(last.first + last.count, checked.count());
      const Shard whole = checked.whole({rows / 2, 1});
      EXPECT_EQ(whole.first, checked.rows(checked.number(rows / 2)).first);
      EXPECT_EQ(whole.count, checked.rows(checked.number(rows / 2)).count);
    }
  }
}

}  // namespace
}  // namespace rbmpi
