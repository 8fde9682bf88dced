#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/real.hpp"
#include "rbmpi/model/parameter_layout.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {

/// The loss of rows is summed as whole numbers of this unit, which have no order.
inline constexpr double loss_unit = 0x1p-24;

/// How far a training is, between two steps. The order of the rows and all random numbers are pure functions of seed,
/// layer, epoch and step (docs/numerics.md), so together with the parameters and what the optimizer remembers this is
/// all that a training needs to go on.
struct TrainingProgress {
  std::uint32_t layer = 0;
  std::uint64_t epoch = 1;       ///< the epoch that is going on, from 1; one more than there are when all are done
  std::uint64_t epoch_rows = 0;  ///< rows of that epoch that are done
  std::uint64_t steps = 0;       ///< steps that are done
  double epoch_loss = 0;         ///< of those rows, a whole number of loss_unit
  double epoch_seconds = 0;      ///< that they took
  std::uint64_t best_epoch = 0;  ///< that validation found, so far (train/early_stop.hpp); 0: none
  double best_figure = 0;        ///< what the others are compared with (train/early_stop.hpp)
  /// Rows of this epoch after which it was reported, since training ended in the middle of it (`updates`); 0: none.
  /// When it goes on, that report is of no more use.
  std::uint64_t reported_rows = 0;
  friend bool operator==(const TrainingProgress&, const TrainingProgress&) = default;
};

/// Something that an optimizer remembers from step to step, such as the velocity, by its name in files. It has the
/// layout of the parameters, or is an array [rows x columns] of its own.
struct OptimizerMemory {
  const char* name;
  std::span<Real> values;
  std::uint64_t rows = 0;  ///< 0: it has the layout of the parameters
  std::uint64_t columns = 1;
};

/// An array [rows x columns] of any type that a gradient function remembers from step to step and that is not shaped
/// like the parameters, such as persistent chains, by its name in files. It is replicated, equal on all nodes, or its
/// rows are shared out over them: node n of N has shard(rows, n, N) of them.
struct StateArray {
  std::string name;
  ElementType type = ElementType::uint8;
  std::uint64_t rows = 0;
  std::uint64_t columns = 1;
  std::span<std::byte> values;  ///< of this node: all rows, or its own
  bool is_shared_out = false;

  [[nodiscard]] std::uint64_t row_bytes() const noexcept { return columns * element_size(type); }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return rows * row_bytes(); }
};

/// A training between two steps, as it is in memory.
struct TrainingState {
  std::span<const Real> parameters;
  std::span<const OptimizerMemory> optimizer;
  const TrainingProgress& progress;
  const ParameterLayout& layout;
  /// All rows of each, for checkpoints and the best model, on the root alone; else none.
  std::span<const StateArray> arrays = {};
};

/// A copy of it, to go on from.
struct SavedState {
  struct Memory {
    std::string name;
    AlignedBuffer<Real> values;
    std::uint64_t rows = 0;
    std::uint64_t columns = 1;
  };
  /// All rows.
  struct Array {
    std::string name;
    ElementType type = ElementType::uint8;
    std::uint64_t rows = 0;
    std::uint64_t columns = 1;
    AlignedBuffer<std::byte> values;
  };
  AlignedBuffer<Real> parameters;
  std::vector<Memory> optimizer;
  std::vector<Array> arrays = {};
  TrainingProgress progress;
  ParameterLayout layout;  ///< equally many parameters of other shapes do not fit
};

}  // namespace rbmpi
