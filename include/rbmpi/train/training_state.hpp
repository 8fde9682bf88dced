#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/core/aligned_buffer.hpp"
#include "rbmpi/core/real.hpp"
#include "rbmpi/train/parameter_blocks.hpp"

namespace rbmpi {

/// The loss of rows is summed as whole numbers of this unit, which have no order.
inline constexpr double loss_unit = 0x1p-24;

/// How far a training is, between two steps. The order of the rows and all random numbers are pure functions of seed,
/// layer, epoch and step (docs/numerics.md), so together with the parameters and what the optimizer remembers this is
/// all that a training needs to go on.
struct TrainingProgress {
  std::uint32_t layer = 0;
  std::uint64_t epoch = 1;       ///< the epoch that is going on, from 1; one more than there are when all is done
  std::uint64_t epoch_rows = 0;  ///< rows of that epoch that are done
  std::uint64_t steps = 0;       ///< steps that are done
  double epoch_loss = 0;         ///< of those rows, a whole number of loss_unit
  double epoch_seconds = 0;      ///< that they took
  std::uint64_t best_epoch = 0;  ///< that validation found, so far (train/early_stop.hpp); 0: none
  double best_figure = 0;        ///< what the others are compared with (train/early_stop.hpp)
  friend bool operator==(const TrainingProgress&, const TrainingProgress&) = default;
};

/// Something that an optimizer remembers from step to step, such as the velocity, by its name in files. It has the
/// layout of the parameters.
struct OptimizerMemory {
  const char* name;
  std::span<Real> values;
};

/// A training between two steps, as it is in memory.
struct TrainingState {
  std::span<const Real> parameters;
  std::span<const OptimizerMemory> optimizer;
  const TrainingProgress& progress;
  const ParameterBlocks& blocks;  ///< how the parameters are made up
};

/// A copy of it, to go on from.
struct SavedState {
  struct Memory {
    std::string name;
    AlignedBuffer<Real> values;
  };
  AlignedBuffer<Real> parameters;
  std::vector<Memory> optimizer;
  TrainingProgress progress;
  ParameterBlocks blocks;  ///< how the parameters are made up: equally many of another shape do not fit
};

}  // namespace rbmpi
