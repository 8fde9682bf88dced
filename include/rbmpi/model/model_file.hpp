#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/model/rbm.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {

/// A trained model as a file holds it (docs/formats.md).
struct Model {
  std::vector<Rbm> layers;
  std::string configuration;                      ///< the effective configuration as text, or empty
  std::map<std::string, std::string> provenance;  ///< root attributes: program, libraries, command line, dataset, ...
};

/// Local. Reads a model. Throws Error(Failure::file), naming the file and what is wrong with it: not a model, a version
/// from the future, arrays that are missing, of the wrong shape or type, or not finite. It is read twice, first in a
/// child process, where a crash of the HDF5 library is an error as well.
[[nodiscard]] Model load_model(const std::filesystem::path& path);

/// Local. Writes a model; the file appears whole or not at all.
void save_model(const std::filesystem::path& path, const Model& model);

// The parts of it, for files that are models and more.

/// Local. The same from and to an open file, in this process.
[[nodiscard]] Model read_model(const Hdf5File& file);
void write_model(Hdf5File& file, const Model& model);

/// Local. `values` has the layout of the parameters (RbmShape); in the file they are the arrays weights, visible_bias
/// and hidden_bias of `group`, which is made. Reading throws if one is missing, of another type or shape, or has a
/// value that is not finite.
void read_parameters(const Hdf5File& file, const std::string& group, RbmShape shape, std::span<Real> values);
void write_parameters(Hdf5File& file, const std::string& group, RbmShape shape, std::span<const Real> values);

/// "/layer_0": the group of a layer.
[[nodiscard]] std::string layer_group(std::size_t layer);

}  // namespace rbmpi
