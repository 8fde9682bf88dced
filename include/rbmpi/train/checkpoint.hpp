#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rbmpi/model/model_file.hpp"
#include "rbmpi/train/run_folder.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// All that a training needs to go on, as a file holds it (docs/formats.md): a model file that also has the memory of
/// the optimizer, the progress and the metrics, sealed with a checksum (storage/sealed_file.hpp).
struct Checkpoint {
  /// The parameters so far, the effective configuration, the provenance, the chains of the layers that are finished.
  Model model;
  std::vector<SavedState::Memory> optimizer;
  std::vector<SavedState::Array> arrays = {};  ///< with the chains of the layer in work
  TrainingProgress progress;
  std::string metrics;  ///< the lines of metrics.jsonl so far
};

/// Local. Writes a checkpoint: to a temporary file in the same folder, which is flushed, read back from the disk,
/// compared with what is in memory, and renamed. Throws Error(Failure::file) and leaves nothing behind, and a file that
/// was there before as it was.
void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// Local. Whether an open file holds this checkpoint, bit for bit, as `save_checkpoint` asks of what it has written.
/// Throws Error(Failure::file) if what is there is none.
[[nodiscard]] bool holds(const Hdf5File& file, const Checkpoint& checkpoint);

/// Local. Reads a checkpoint. No byte of it goes to HDF5 before the checksum of the whole was found right, and then to
/// a child process first (storage/contained_read.hpp). Throws Error(Failure::file) that says what is wrong with the
/// file.
[[nodiscard]] Checkpoint load_checkpoint(const std::filesystem::path& path);

/// Local. The same from an open file, in this process.
[[nodiscard]] Checkpoint read_checkpoint(const Hdf5File& file);

/// Local. Moves the model out of a checkpoint: as one that is finished, with the chains of all its layers.
[[nodiscard]] Model take_model(Checkpoint& checkpoint);

/// Local. The same of an open file, a model or a checkpoint, without the rest of it.
[[nodiscard]] Model read_model_so_far(const Hdf5File& file);

/// Local. The newest checkpoint of a folder that is whole and for which `difference` gives an empty text, not what
/// makes it one of another run. Damaged ones are told to `warn` and renamed out of the way; so are whole ones that are
/// of another run or no checkpoints, but only if one of this run is found: else, nothing is touched, and `unusable`
/// says what the newest of them is. Throws Error(Failure::file) if one cannot be read just now.
[[nodiscard]] std::optional<Checkpoint> newest_checkpoint(
    const RunFolder& folder, const std::function<std::string(const Checkpoint&)>& difference,
    const std::function<void(const std::string&)>& warn, std::string& unusable);

/// Local. Whether an open model file is a checkpoint, and the progress in it.
[[nodiscard]] bool is_checkpoint(const Hdf5File& file);
[[nodiscard]] TrainingProgress read_progress(const Hdf5File& file);

}  // namespace rbmpi
