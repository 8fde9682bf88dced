#pragma once

#include <cstdint>
#include <span>

#include "rbmpi/data/row_source.hpp"

namespace rbmpi {

/// Some rows of one mini-batch, those of a node or of a rank: `count` of the rows that a reader was told, from number
/// `first` on. What is drawn for a sample depends on its position in the whole batch, never on the rank that has it.
struct MiniBatch {
  const RowReader* rows = nullptr;
  std::uint64_t first = 0;     ///< number among the reader's rows of the first row of this part
  std::uint64_t count = 0;     ///< rows of this part; may be 0
  std::uint64_t position = 0;  ///< position in the whole batch of the first row of this part
  std::uint64_t step = 0;      ///< number of the step since the beginning of the layer's training
  bool begins_epoch = false;

  /// The rows [begin, begin + some) of this part.
  [[nodiscard]] MiniBatch part(std::uint64_t begin, std::uint64_t some) const noexcept {
    return {rows, first + begin, some, position + begin, step, begins_epoch};
  }
  /// These rows as the reader numbers them.
  [[nodiscard]] Shard all() const noexcept { return {first, count}; }
  /// Local, on the calling thread. The probabilities of the units of row i of this part.
  void read(std::uint64_t i, ProbabilityRounding rounding, std::span<Real> probabilities) const {
    rows->read({first + i, 1}, rounding, {probabilities.data(), 1, probabilities.size()});
  }
  /// Local. The label of row i of this part, where there are labels.
  [[nodiscard]] std::int32_t label(std::uint64_t i) const {
    std::int32_t label = 0;
    rows->read_labels({first + i, 1}, {&label, 1});
    return label;
  }
};

}  // namespace rbmpi
