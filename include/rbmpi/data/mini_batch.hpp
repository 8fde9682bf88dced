#pragma once

#include <cstddef>
#include <cstdint>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/data/row_order.hpp"
#include "rbmpi/data/samples.hpp"

namespace rbmpi {

/// This rank's part of one mini-batch: `count` consecutive positions of the epoch's order, from `first` on. What is
/// drawn for a sample depends on its position in the whole batch, never on the rank that has it.
struct MiniBatch {
  const Samples* samples = nullptr;
  const RowOrder* order = nullptr;
  std::uint64_t first = 0;     ///< position in the epoch of the first row of this part
  std::uint64_t count = 0;     ///< rows of this part; may be 0
  std::uint64_t position = 0;  ///< position in the whole batch of the first row of this part
  std::uint64_t step = 0;      ///< number of the step since the beginning of the layer's training

  /// The values of row i of this part, in the type of the samples.
  [[nodiscard]] const std::byte* row(std::uint64_t i) const noexcept { return samples->row(order->row(first + i)); }
  /// The rows [begin, begin + rows) of this part.
  [[nodiscard]] MiniBatch part(std::uint64_t begin, std::uint64_t rows) const noexcept {
    return {samples, order, first + begin, rows, position + begin, step};
  }
};

/// Local. The probabilities of one row of samples, value / scale, rounded for exact sums (core/kernels.hpp).
void row_probabilities(const Samples& samples, const std::byte* row, ProbabilityRounding rounding, Real* probabilities);
/// Local. The same, and a draw with each probability: `states` are bits (core/state_kernels.hpp).
void sample_row(const Samples& samples, const std::byte* row, ProbabilityRounding rounding, const RandomStream& stream,
                Real* probabilities, std::uint64_t* states);

}  // namespace rbmpi
