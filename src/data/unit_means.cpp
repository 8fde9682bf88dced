#include "rbmpi/data/unit_means.hpp"

#include <algorithm>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/data/shard.hpp"

namespace rbmpi {

std::vector<double> unit_means(const Rows& rows, const AddRow& add_row, const Communicator& world) {
  std::vector<std::int64_t> sums(rows.columns);
  const Shard mine = shard(rows.rows, world.rank(), world.size());
  constexpr std::uint64_t block_rows = 256;
  world.agree([&] {
    RowBlocks blocks(rows, block_rows);
    for (std::uint64_t done = 0; done < mine.count; done += block_rows) {
      throw_if_stopped("averaging the data");
      const std::uint64_t first = mine.first + done;
      const std::uint64_t count = std::min(block_rows, mine.count - done);
      const RowReader& block = blocks.next(first, count);
      for (std::uint64_t row = 0; row < count; ++row) add_row(block, first, row, sums);
    }
  });
  world.sum(std::span(sums));
  std::vector<double> means(rows.columns);
  std::ranges::transform(sums, means.begin(), [&](std::int64_t sum) {
    return static_cast<double>(sum) * 0x1p-24 / static_cast<double>(rows.rows);
  });
  return means;
}

}  // namespace rbmpi
