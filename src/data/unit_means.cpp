#include "rbmpi/data/unit_means.hpp"

#include <algorithm>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/data/row_maker.hpp"
#include "rbmpi/data/shard.hpp"

namespace rbmpi {

std::vector<double> unit_means(const Samples& samples, const AddRow& add_row, const Communicator& world) {
  std::vector<std::int64_t> sums(samples.columns);
  const Shard mine = shard(samples.rows, world.rank(), world.size());
  constexpr std::uint64_t block_rows = 256;
  world.agree([&] {
    SampleBlocks blocks(samples, block_rows);
    for (std::uint64_t done = 0; done < mine.count; done += block_rows) {
      throw_if_stopped("averaging the data");
      const std::uint64_t first = mine.first + done;
      const Samples block = blocks.rows(first, std::min(block_rows, mine.count - done));
      for (std::uint64_t row = 0; row < block.rows; ++row) add_row(block, first, row, sums);
    }
  });
  world.sum(std::span(sums));
  std::vector<double> means(samples.columns);
  std::ranges::transform(sums, means.begin(), [&](std::int64_t sum) {
    return static_cast<double>(sum) * 0x1p-24 / static_cast<double>(samples.rows);
  });
  return means;
}

}  // namespace rbmpi
