#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/data/samples.hpp"
#include "rbmpi/model/rbm.hpp"

namespace rbmpi {

/// Some rows of a dataset as probabilities.
struct DataRows {
  std::size_t rows = 0;
  std::size_t columns = 0;
  AlignedBuffer<Real> values;  ///< rows x columns, in [0, 1]
  std::uint64_t rows_of_file = 0;
  std::vector<std::uint64_t> picture;  ///< {height, width} of a row, or empty

  [[nodiscard]] ConstMatrixView view() const noexcept { return {values.data(), rows, columns}; }
};

/// Local. The first rows of a dataset file, at most `most` and at most 128 MiB of them. They are read in a child
/// process first to last. Throws Error(Failure::file) as DatasetReader does.
[[nodiscard]] DataRows read_rows(const std::filesystem::path& path, std::uint64_t most);

/// How the hidden units answer to data.
struct HiddenUse {
  std::size_t rows = 0;             ///< that were looked at
  std::vector<double> activity;     ///< [H] mean of h0p = sigmoid(v W + c) over the rows
  std::vector<std::size_t> by_use;  ///< all units, those with the largest mean first; equals in their order
};

/// Units with a mean below the first are called dead, above the second saturated.
inline constexpr double dead_activity = 0.01;
inline constexpr double saturated_activity = 0.99;

/// Local. `rows`: n x V in [0, 1], used as they are. Uses the threads of `use_threads`.
[[nodiscard]] HiddenUse hidden_use(RbmView<const Real> rbm, ConstMatrixView rows);

/// Local. v1p = sigmoid(h0p W^T + b) with h0p = sigmoid(v W + c), without drawing any number: n x V.
[[nodiscard]] AlignedBuffer<Real> mean_reconstructions(RbmView<const Real> rbm, ConstMatrixView rows);

}  // namespace rbmpi
