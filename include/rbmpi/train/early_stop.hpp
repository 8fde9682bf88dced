#pragma once

#include <cstdint>

#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"
#include "rbmpi/train/validation.hpp"

namespace rbmpi {

// Early stopping ends a training when epochs no longer do the validation rows any good. An epoch is as good as any
// before it if
//   - EarlyStop::pseudo_likelihood: the pseudo-likelihood of the validation rows is the highest so far;
//   - EarlyStop::gap: the free-energy gap is the lowest so far, or above it by no more than two standard errors. It is
//     near 0 in the beginning and grows with overfitting (Hinton 2012, section 6), so the lowest alone would say
//     little.
// After `patience` epochs in a row that were not, training stops. What was found is part of the progress, and so of a
// checkpoint: a training that was interrupted stops where it would have stopped without the interruption.

/// Local. Judges the epoch that was just done, `progress.epoch`. Whether it is as good as any before it: then it is now
/// progress.best_epoch.
bool judge_epoch(EarlyStop rule, const ValidationFigures& figures, TrainingProgress& progress);

/// Local. Whether a training with this progress, between two epochs, has stopped early.
[[nodiscard]] bool stopped_early(std::uint64_t patience, const TrainingProgress& progress) noexcept;

}  // namespace rbmpi
