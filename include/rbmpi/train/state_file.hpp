#pragma once

#include <filesystem>

#include "rbmpi/model/parameter_layout.hpp"
#include "rbmpi/train/training_options.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

// Checkpoints for a gradient function of one's own (train/optimize.hpp), whatever its parameters mean: the event
// `checkpoint` keeps one with `save_state`, on the root, and `optimize` goes on from what `load_state` gives, on any
// number of ranks (examples/softmax_regression.cpp). Data and options are not in it: whoever goes on gives them again.

/// Local. Writes a state as one file (docs/formats.md): to a temporary one in the same folder, which is flushed, sealed
/// with a checksum, read back from the disk, compared with what is in memory, and renamed. Throws Error(Failure::file)
/// and leaves nothing behind, and a file that was there before as it was.
void save_state(const std::filesystem::path& path, const TrainingState& state);

/// Local. Reads a state of parameters of this `layout`, and of the optimizer of `options`. No byte of it
/// goes to HDF5 before the checksum of the whole was found right, and then to a child process first
/// (storage/contained_read.hpp). Throws Error(Failure::file) that says what is wrong with the file: that it is not
/// there, damaged, no state, of another layout or another optimizer, or has numbers that are not finite; and
/// Error(Failure::usage) for an optimizer that there is not.
[[nodiscard]] SavedState load_state(const std::filesystem::path& path, const ParameterLayout& layout,
                                    const OptimizationOptions& options);

}  // namespace rbmpi
