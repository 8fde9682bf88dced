#pragma once

#include <filesystem>
#include <optional>

#include "rbmpi/model/model_file.hpp"
#include "rbmpi/train/run_folder.hpp"
#include "rbmpi/train/saved_chains.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// A model that somebody named by a file, or by the folder of a run.
struct NamedModel {
  Model model;
  std::filesystem::path file;                ///< that holds it
  std::optional<TrainingProgress> progress;  ///< if it is a checkpoint
  std::optional<SavedChains> chains = {};    ///< likewise, of the layer in work, if it has persistent ones
};

/// Local. Reads the model of `path`: a model or a checkpoint, whose checksum has to be right, or the newest checkpoint
/// of a run, while it goes on too; or if it has none, its model. Throws Error(Failure::file) if there is no model, or
/// it is damaged; `path` names a folder, and a run that has no checkpoint yet is told from a folder that is no run.
[[nodiscard]] NamedModel load_named_model(const std::filesystem::path& path);

/// Local. The same to use a net: of the folder of a run of fine-tuning, its best.h5, if there is one.
[[nodiscard]] NamedModel load_best_model(const std::filesystem::path& path);

/// Local. The newest model of a run: that of its newest checkpoint that is whole, or if it has none, its model.h5;
/// nothing if it has neither. Throws Error(Failure::file) if all that there are cannot be used.
[[nodiscard]] std::optional<NamedModel> newest_model(const RunFolder& folder);

}  // namespace rbmpi
