#include <algorithm>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "rbmpi/data/row_order.hpp"
#include "rbmpi/data/shard.hpp"
#include "support/numbers.hpp"

namespace rbmpi {
namespace {

// As the trainer cuts an epoch into steps, and the steps into the parts of the ranks.
TEST(EveryRowOnceTest, ForAnyRowsBatchSizeAndRanks) {
  test::Random random(1);
  for (int attempt = 0; attempt < 1500; ++attempt) {
    const std::uint64_t rows = 1 + random.below(500);
    const std::uint64_t batch_size = 1 + random.below(attempt % 3 == 0 ? 600 : 60);
    const int ranks = 1 + static_cast<int>(random.below(64));
    const RowOrder order(rows, attempt % 4 != 0, random.below(1000), 0, 1 + random.below(100));

    std::vector<int> visits(rows);
    for (std::uint64_t first = 0; first < rows; first += batch_size) {
      const std::uint64_t batch_rows = std::min(batch_size, rows - first);
      std::uint64_t in_step = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const Shard mine = shard(batch_rows, rank, ranks);
        for (std::uint64_t i = 0; i < mine.count; ++i) ++visits[order.row(first + mine.first + i)];
        in_step += mine.count;
      }
      ASSERT_EQ(in_step, batch_rows);
    }
    ASSERT_EQ(std::count(visits.begin(), visits.end(), 1), static_cast<std::ptrdiff_t>(rows))
        << rows << " rows, batches of " << batch_size << ", " << ranks << " ranks";
  }
}

TEST(EveryRowOnceTest, BlockByBlock) {
  test::Random random(2);
  for (int attempt = 0; attempt < 1500; ++attempt) {
    const std::uint64_t rows = 1 + random.below(500);
    const std::uint64_t block_rows = 1 + random.below(attempt % 3 == 0 ? 600 : 40);
    const RowOrder order(rows, attempt % 4 != 0, random.below(1000), 0, 1 + random.below(100), block_rows);
    std::vector<std::uint64_t> all(rows);
    for (std::uint64_t first = 0; first < rows;) {  // however many are asked for at a time
      const std::uint64_t some = std::min(rows - first, 1 + random.below(100));
      order.rows(first, std::span(all).subspan(first, some));
      first += some;
    }
    std::vector<bool> seen(rows);
    std::vector<bool> begun((rows - 1) / block_rows + 1);
    for (std::uint64_t i = 0; i < rows; ++i) {
      ASSERT_LT(all[i], rows);
      ASSERT_FALSE(seen[all[i]]) << rows << " rows in blocks of " << block_rows << ", position " << i;
      seen[all[i]] = true;
      ASSERT_EQ(all[i], order.row(i));
      const std::uint64_t block = all[i] / block_rows;
      if (i > 0 && all[i - 1] / block_rows == block) continue;
      ASSERT_FALSE(begun[block]) << rows << " rows in blocks of " << block_rows << ", position " << i;
      begun[block] = true;
    }
  }
}

}  // namespace
}  // namespace rbmpi
