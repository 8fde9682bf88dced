#include "rbmpi/evaluate/binary_rows.hpp"

#include <algorithm>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/data/mini_batch.hpp"

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
    constexpr ProbabilityRounding unrounded{.exact = false, .grid = {}};
    const RandomStream stream(rows.seed, layer, row >> 32U, Phase::evaluation_data, static_cast<std::uint32_t>(row));
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

}  // namespace rbmpi
