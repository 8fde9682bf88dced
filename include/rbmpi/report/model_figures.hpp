#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
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
  std::vector<std::int32_t> labels;    ///< of the rows, or empty
  std::vector<float> weights = {};     ///< of the rows, with mean 1 over these, or empty
  std::vector<std::uint64_t> numbers;  ///< of the rows in the file, from 0
  std::uint64_t rows_in_use = 0;       ///< of which these are taken
  std::vector<std::uint64_t> picture;  ///< {height, width} of a row, or empty

  [[nodiscard]] ConstMatrixView view() const noexcept { return {values.data(), rows, columns}; }
  /// The same for who takes samples; a view.
  [[nodiscard]] Samples samples() const noexcept;
};

/// Which rows of a dataset file a run takes, as its keys `rows` and `validation` say.
struct RowSelection {
  std::uint64_t in_use = 0;      ///< only the first so many; 0: all
  double held_out = 0;           ///< the share of these, at their end, that is validated on, in [0, 1)
  bool validation_rows = false;  ///< that share is wanted; else what is before it
  /// The share is rows that are drawn with this seed (data/held_out_rows.hpp), not those at their end.
  std::optional<std::uint64_t> drawn_with = {};
  std::optional<double> scale = {};  ///< the value that means 1.0, if not what the file says
};

/// Local. Rows from all over those that are selected of a dataset file, at most `most` and at most 128 MiB of them, in
/// their order: row i of n is that at floor(i * selected / n), or, where these are many, lies close behind such a one.
/// They are read in a child process. Throws Error(Failure::file) as DatasetReader does.
[[nodiscard]] DataRows read_rows(const std::filesystem::path& path, std::uint64_t most,
                                 const RowSelection& selection = {});

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
  std::vector<double> activity;     ///< [H] mean over the rows of h0p, the means of the units at the fields v W
  std::vector<std::size_t> by_use;  ///< all units, those with the largest mean first; equals in their order
};

/// Units with a mean below the first are called dead, above the second saturated.
inline constexpr double dead_activity = 0.01;
inline constexpr double saturated_activity = 0.99;

/// A layer of units and the weights that lead to it.
struct UnitWeights {
  ConstMatrixView weights;  ///< [V x H]
  UnitRow units;            ///< [H]; sigmoid units of nets have the means of zeros and ones

  /// [H]; of units with several parameters the first.
  [[nodiscard]] std::span<const Real> bias() const noexcept { return {units.parameters, units.count}; }
};
[[nodiscard]] inline UnitWeights hidden_weights(RbmView<const Real> rbm) noexcept {
  return {.weights = rbm.weights, .units = rbm.hidden_units()};
}

/// Local. `rows`: n x V, means or states of data, used as they are. Uses the threads of `use_threads`.
/// `weights` of the rows have mean 1; none: all are alike.
[[nodiscard]] HiddenUse hidden_use(const UnitWeights& layer, ConstMatrixView rows, std::span<const float> weights = {});

/// Local. v1p, the means at the fields h0p W^T, with h0p those at v W, without drawing any number: n x V.
[[nodiscard]] AlignedBuffer<Real> mean_reconstructions(RbmView<const Real> rbm, ConstMatrixView rows);

}  // namespace rbmpi
