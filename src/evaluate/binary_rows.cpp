#include "rbmpi/evaluate/binary_rows.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/data/row_weights.hpp"
#include "rbmpi/data/unit_means.hpp"

namespace rbmpi {
void read_row(const RowReader& reader, std::uint64_t row, const BinaryRows& rows, std::span<Real> scratch,
              std::span<double> values) {
  if (rows.binarise == Binarise::sample) {
    constexpr std::uint32_t layer = 0;
    const std::uint64_t number = rows.first + row;
    const RandomStream stream(rows.seed, layer, number >> 32U, Phase::evaluation_data,
                              static_cast<std::uint32_t>(number));
    reader.read({row, 1}, unrounded, {scratch.data(), 1, scratch.size()});
    rows.unit->draw_data(scratch.size(), stream, scratch.data(), scratch.data());
    std::ranges::copy(scratch, values.begin());
    return;
  }
  reader.read({row, 1}, {values.data(), 1, values.size()});
  if (rows.binarise == Binarise::threshold && rows.unit->flips()) {
    const double low = rows.unit->values[0];
    const double high = rows.unit->values[1];
    for (double& value : values) value = value >= (low + high) / 2 ? high : low;
  }
}

std::vector<double> unit_means(const Rows& data, const BinaryRows& rows, const Communicator& world) {
  std::vector<Real> scratch(data.columns);
  const ReadRow read_one = [&](const RowReader& block, std::uint64_t first, std::uint64_t row,
                               std::span<double> values) {
    BinaryRows of_block = rows;
    of_block.first += first;
    read_row(block, row, of_block, scratch, values);
  };
  return unit_means(data, read_one, world);
}

std::vector<std::uint64_t> spread_rows(const Rows& data, std::uint64_t count, const BinaryRows& rows) {
  const BinaryRows drawn{.binarise = rows.binarise == Binarise::none ? Binarise::sample : rows.binarise,
                         .seed = rows.seed};
  const std::size_t words = words_for(data.columns);
  if (data.rows == 0) throw Error(Failure::file, "there are no rows to begin at");
  if (words > 0 && count > available_memory() / (words * sizeof(std::uint64_t))) {
    throw Error(Failure::other, fmt::format("not enough memory for {} rows of {} units: {} are available; use fewer",
                                            count, data.columns, human_bytes(available_memory())));
  }
  std::vector<std::uint64_t> bits(count * words);
  const BitMatrixView states{bits.data(), count, data.columns};
  const bool weighted = row_weights(data).differ();
  WeightedRows weighted_rows(data, count);
  RowBlocks blocks(data, 1);
  std::vector<Real> scratch(data.columns);
  std::vector<double> values(data.columns);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t row = weighted            ? weighted_rows.row_at(i)
                              : data.rows < count ? i % data.rows
                                                  : data.rows / count * i + data.rows % count * i / count;
    BinaryRows of_row = drawn;
    of_row.first += row;
    read_row(blocks.next(row, 1), 0, of_row, scratch, values);
    for (std::size_t j = 0; j < values.size(); ++j) {
      if (values[j] == 1) states.turn_on(i, j);
    }
  }
  return bits;
}

}  // namespace rbmpi
