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
  AlignedBuffer<Real> values;          ///< rows x columns, in [0, 1]
  std::uint64_t rows_in_use = 0;       ///< of which these are taken
  std::vector<std::uint64_t> picture;  ///< {height, width} of a row, or empty

  [[nodiscard]] ConstMatrixView view() const noexcept { return {values.data(), rows, columns}; }
};

/// Local. Rows from all over a dataset file, at most `most` and at most 128 MiB of them, in their order: of the rows
/// that are `in_use`, the first ones (0: all), row i of n is that at floor(i * in_use / n), or, where these are many,
/// lies close behind such a one. They are read in a child process. Throws Error(Failure::file) as DatasetReader does.
[[nodiscard]] DataRows read_rows(const std::filesystem::path& path, std::uint64_t most, std::uint64_t in_use = 0);

/// Local. Where read_rows takes `count` of `all` rows: pieces of the file that do not overlap. Not too many of them: to
/// read a row by itself costs as much as a chunk of the file.
struct RowPiece {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  friend bool operator==(const RowPiece&, const RowPiece&) = default;
};
[[nodiscard]] std::vector<RowPiece> spread_pieces(std::uint64_t all, std::uint64_t count);

/// How the hidden units answer to data.
struct HiddenUse {
  std::size_t rows = 0;             ///< that were looked at
  std::uint64_t rows_in_use = 0;    ///< of which these were taken; hidden_use() knows of no others
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
