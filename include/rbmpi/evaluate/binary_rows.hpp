#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rbmpi/core/real.hpp"
#include "rbmpi/data/row_source.hpp"
#include "rbmpi/model/unit.hpp"
#include "rbmpi/parallel/communicator.hpp"

namespace rbmpi {

/// What becomes of values between 0 and 1. A model of zeros and ones has probabilities for nothing else: `sample` draws
/// each with its value as the probability, once and for all, as training does anew in each epoch (Salakhutdinov and
/// Murray 2008); `threshold` makes 1 of what is at least 0.5; `none` leaves them as they are, as scikit-learn does.
enum class Binarise { none, threshold, sample };

/// How rows are read for evaluation.
struct BinaryRows {
  Binarise binarise = Binarise::sample;
  std::uint64_t seed = 1;   ///< of what is drawn: a pure function of seed, row and unit
  std::uint64_t first = 0;  ///< number of the first row, if they are a part of others
  /// Whose data they are: `sample` draws as this unit does, and `threshold` makes the upper of its two values of what
  /// is at least half-way.
  const UnitEntry* unit = &bernoulli_unit;
};

/// Local. values[j] = unit j of row `row` of those that the reader was told, binarised. `scratch` and
/// `values` have as many numbers as there are columns.
void read_row(const RowReader& reader, std::uint64_t row, const BinaryRows& rows, std::span<Real> scratch,
              std::span<double> values);

/// Collective. The mean of each unit over all rows, by exact sums of values in units of 2^-24. Throws an
/// AgreedError(Failure::interrupted) after a signal.
[[nodiscard]] std::vector<double> unit_means(const Rows& data, const BinaryRows& rows, const Communicator& world);

/// Local. `count` rows, as far apart in the data as can be, and all of them again if there are fewer, as bits: count x
/// words_for(columns) (core/bit_matrix.hpp). Where values stay as they are, those between 0 and 1 are drawn.
/// Throws Error if there are no rows, or not enough memory.
[[nodiscard]] std::vector<std::uint64_t> spread_rows(const Rows& data, std::uint64_t count, const BinaryRows& rows);

}  // namespace rbmpi
