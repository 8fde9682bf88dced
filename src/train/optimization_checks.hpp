#pragma once

#include <cstdint>
#include <span>

#include "rbmpi/train/parameter_blocks.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// Local. Throws Error(Failure::usage) for blocks that no buffer can be made up of.
void check_blocks(const ParameterBlocks& blocks);

/// Local. Throws Error(Failure::file) if a start is not one of a training with these blocks, optimizer, options and
/// rows.
void check_start(const SavedState& start, const ParameterBlocks& blocks, std::span<const OptimizerMemory> optimizer,
                 const OptimizationOptions& options, std::uint64_t rows);

/// Local. Throws AgreedError(Failure::diverged), which says what to try. All ranks have the same parameters and so come
/// to the same end.
[[noreturn]] void refuse_diverged(const OptimizationOptions& options, const TrainingProgress& progress);

}  // namespace rbmpi
