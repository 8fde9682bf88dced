#include "rbmpi/evaluate/binary_rows.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/data/mini_batch.hpp"
#include "rbmpi/data/row_maker.hpp"
#include "rbmpi/data/unit_means.hpp"

namespace rbmpi {
namespace {

template <typename Value>
void scale_row(const std::byte* row, double scale, std::span<double> values) {
  const auto* const stored = reinterpret_cast<const Value*>(row);
  for (std::size_t j = 0; j < values.size(); ++j) values[j] = static_cast<double>(stored[j]) / scale;
}

}  // namespace

void read_row(const Samples& samples, std::uint64_t row, const BinaryRows& rows, std::span<Real> scratch,
              std::span<double> values) {
  if (rows.binarise == Binarise::sample) {
    constexpr std::uint32_t layer = 0;
    const std::uint64_t number = rows.first + row;
    const RandomStream stream(rows.seed, layer, number >> 32U, Phase::evaluation_data,
                              static_cast<std::uint32_t>(number));
    row_probabilities(samples, samples.row(row), unrounded, scratch.data());
    sample(scratch.data(), scratch.size(), stream, scratch.data());
    std::ranges::copy(scratch, values.begin());
    return;
  }
  switch (samples.type) {
    case ElementType::uint8:
      scale_row<std::uint8_t>(samples.row(row), samples.scale, values);
      break;
    case ElementType::float32:
      scale_row<float>(samples.row(row), samples.scale, values);
      break;
    default:
      scale_row<double>(samples.row(row), samples.scale, values);
  }
  if (rows.binarise == Binarise::threshold) {
    for (double& value : values) value = value >= 0.5 ? 1 : 0;
  }
}

std::vector<double> unit_means(const Samples& samples, const BinaryRows& rows, const Communicator& world) {
  std::vector<Real> scratch(samples.columns);
  std::vector<double> values(samples.columns);
  const AddRow add_row = [&](const Samples& block, std::uint64_t first, std::uint64_t row,
                             std::span<std::int64_t> sums) {
    BinaryRows of_block = rows;
    of_block.first += first;
    read_row(block, row, of_block, scratch, values);
    for (std::size_t j = 0; j < values.size(); ++j) sums[j] += std::llrint(values[j] * 0x1p24);
  };
  return unit_means(samples, add_row, world);
}

std::vector<std::uint64_t> spread_rows(const Samples& samples, std::uint64_t count, const BinaryRows& rows) {
  const BinaryRows drawn{.binarise = rows.binarise == Binarise::none ? Binarise::sample : rows.binarise,
                         .seed = rows.seed};
  const std::size_t words = words_for(samples.columns);
  if (samples.rows == 0) throw Error(Failure::file, "there are no rows to begin at");
  if (words > 0 && count > available_memory() / (words * sizeof(std::uint64_t))) {
    throw Error(Failure::other, fmt::format("not enough memory for {} rows of {} units: {} are available; use fewer",
                                            count, samples.columns, human_bytes(available_memory())));
  }
  std::vector<std::uint64_t> bits(count * words);
  SampleBlocks blocks(samples, 1);
  std::vector<Real> scratch(samples.columns);
  std::vector<double> values(samples.columns);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t row =
        samples.rows < count ? i % samples.rows : samples.rows / count * i + samples.rows % count * i / count;
    BinaryRows of_row = drawn;
    of_row.first += row;
    read_row(blocks.rows(row, 1), 0, of_row, scratch, values);
    for (std::size_t j = 0; j < values.size(); ++j) {
      if (values[j] == 1) bits[i * words + j / 64] |= std::uint64_t{1} << (j % 64);
    }
  }
  return bits;
}

}  // namespace rbmpi
