#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/model/chain_states.hpp"
#include "rbmpi/model/feed_forward_net.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {

/// A trained model as a file holds it (docs/formats.md): either a stack of RBMs or a net.
struct Model {
  std::vector<Rbm> layers;                        ///< none of a net
  std::string configuration;                      ///< the effective configuration as text, or empty
  std::map<std::string, std::string> provenance;  ///< root attributes: program, libraries, command line, dataset, ...
  std::optional<FeedForwardNet> net = std::nullopt;
  /// Of a classifier: the labels that its outputs mean, sorted. Of a stack: those that the last visible units of its
  /// highest layer mean, if it was trained with labels (train/greedy_training.hpp).
  std::vector<std::int32_t> classes = {};
  std::vector<std::string> class_names = {};  ///< one for each of the classes; or none: they are numbers
  std::size_t code_layer = 0;                 ///< of an autoencoder: the layer, from 1, that is the code; else 0
  ChainsOfLayers chains = {};                 ///< of the layers that were trained with persistent chains
};

/// Local. The digest of its parameters: model_digest or net_digest.
[[nodiscard]] std::string model_digest(const Model& model);

/// Local. Reads a model. Throws Error(Failure::file), naming the file and what is wrong with it: not a model, a version
/// from the future, arrays that are missing, of the wrong shape or type, or not finite, chains of other values than 0
/// and 1. It is read twice, first in a child process, where a crash of the HDF5 library is an error as well.
/// Both stacks and nets are read: who wants one kind calls `refuse_net` or `refuse_stack`.
[[nodiscard]] Model load_model(const std::filesystem::path& path);

/// Local. Throws Error(Failure::file) if the model is a net, or is none, with the commands that take such a model.
void refuse_net(const Model& model, const std::filesystem::path& path);
void refuse_stack(const Model& model, const std::filesystem::path& path);

/// Local. Writes a model; the file appears whole or not at all.
void save_model(const std::filesystem::path& path, const Model& model);

// The parts of it, for files that are models and more.

/// Local. The same from and to an open file, in this process.
[[nodiscard]] Model read_model(const Hdf5File& file);
void write_model(Hdf5File& file, const Model& model);

/// Local. Whether an open file holds all of the model but its parameters: the shapes of its layers with their kinds of
/// units, its chains, the code layer of a net, the classes, the configuration and the provenance. Throws what
/// `read_model` throws.
[[nodiscard]] bool holds_description(const Hdf5File& file, const Model& model);

}  // namespace rbmpi
