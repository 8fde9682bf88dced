#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "rbmpi/model/parameter_layout.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// Local. Throws Error(Failure::usage) for a layout that no buffer can have.
void check_layout(const ParameterLayout& layout);

/// Local. Throws Error(Failure::usage) for a penalty on parameters that a layout has none of.
void check_penalties(const ParameterLayout& layout, const OptimizationOptions& options);

/// Collective. Throws an AgreedError(Failure::usage) if this text on a rank is not that of the root.
void check_same(const std::string& what, const std::string& text, const Communicator& world);

/// Local. Throws Error(Failure::file) if a start is not one of a training with this layout, optimizer, options and
/// rows.
void check_start(const SavedState& start, const ParameterLayout& layout, std::span<const OptimizerMemory> optimizer,
                 const OptimizationOptions& options, std::uint64_t rows);

/// Local. Throws AgreedError(Failure::diverged), which says what to try. All ranks have the same parameters and so come
/// to the same end.
[[noreturn]] void refuse_diverged(const OptimizationOptions& options, const TrainingProgress& progress);

}  // namespace rbmpi
