#include "rbmpi/data/unit_means.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "rbmpi/core/interruption.hpp"
#include "rbmpi/data/row_weights.hpp"
#include "rbmpi/data/shard.hpp"

namespace rbmpi {
namespace {

/// Terms are multiples of 2^-exponent. Those of N weighted rows, whose weights have mean 1, add up to less than 2^62.
int exponent_of_terms(const RowWeights& weights, std::uint64_t rows) {
  constexpr int of_values = 24;
  constexpr int finest = 40;
  return weights.differ() ? std::min(finest, 61 - static_cast<int>(std::bit_width(rows))) : of_values;
}

}  // namespace

std::vector<double> unit_means(const Rows& rows, const ReadRow& read_row, const Communicator& world) {
  std::vector<std::int64_t> sums(rows.columns);
  const Shard mine = shard(rows.rows, world.rank(), world.size());
  constexpr std::uint64_t block_rows = 256;
  int exponent = 0;
  world.agree([&] {
    const RowWeights weights = row_weights(rows);
    exponent = exponent_of_terms(weights, rows.rows);
    RowBlocks blocks(rows, block_rows);
    std::vector<double> values(rows.columns);
    for (std::uint64_t done = 0; done < mine.count; done += block_rows) {
      throw_if_stopped("averaging the data");
      const std::uint64_t first = mine.first + done;
      const std::uint64_t count = std::min(block_rows, mine.count - done);
      const RowReader& block = blocks.next(first, count);
      for (std::uint64_t row = 0; row < count; ++row) {
        read_row(block, first, row, values);
        const double weight = weights.differ() ? double{rows.weights[first + row]} * weights.scale() : 1;
        const double unit = std::ldexp(weight, exponent);
        for (std::size_t j = 0; j < values.size(); ++j) sums[j] += std::llrint(values[j] * unit);
      }
    }
  });
  world.sum(std::span(sums));
  std::vector<double> means(rows.columns);
  std::ranges::transform(sums, means.begin(), [&](std::int64_t sum) {
    return std::ldexp(static_cast<double>(sum), -exponent) / static_cast<double>(rows.rows);
  });
  return means;
}

}  // namespace rbmpi
