#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rbmpi/core/kernels.hpp"
#include "rbmpi/data/row_order.hpp"
#include "rbmpi/data/samples.hpp"
#include "rbmpi/data/shard.hpp"

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

  /// rows[i] = the values of row begin + i of this part, in the type of the samples.
  void find_rows(std::uint64_t begin, std::span<const std::byte*> rows) const noexcept;
  /// The rows [begin, begin + rows) of this part.
  [[nodiscard]] MiniBatch part(std::uint64_t begin, std::uint64_t rows) const noexcept {
    return {samples, order, first + begin, rows, position + begin, step};
  }
};

/// Local. The probabilities of one row of samples, value / scale, rounded for exact sums (core/kernels.hpp).
void row_probabilities(const Samples& samples, const std::byte* row, ProbabilityRounding rounding, Real* probabilities);
/// Local. The same for some units of the row, the first a multiple of 16, and a draw with each probability: `states`
/// are bits (core/state_kernels.hpp), the first that of the first of these units.
void sample_row(const Samples& samples, const std::byte* row, Shard units, ProbabilityRounding rounding,
                const RandomStream& stream, Real* probabilities, std::uint64_t* states);

}  // namespace rbmpi
