#pragma once

#include <filesystem>
#include <optional>

#include "rbmpi/model/model_file.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {

/// A model that the user named by a file, or by the folder of a run.
struct NamedModel {
  Model model;                               ///< on the root; the others have one without layers
  std::filesystem::path file;                ///< that holds it
  std::optional<TrainingProgress> progress;  ///< if it is a checkpoint
};

/// Local. Reads the model of `path`: a model or a checkpoint, whose checksum has to be right, or the newest checkpoint
/// of a run, while it goes on too; or if it has none, its model. Throws Error(Failure::file) if there is no model, or
/// it is damaged; `path` names a folder, and a run that has no checkpoint yet is told from a folder that is no run.
[[nodiscard]] NamedModel load_named_model(const std::filesystem::path& path);

/// Collective. The only layer of the root's model, on every rank. Throws an AgreedError(Failure::file) if there are
/// more of them.
[[nodiscard]] Rbm only_layer(const NamedModel& named, const Communicator& world);

}  // namespace rbmpi
