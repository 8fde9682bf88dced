#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "rbmpi/model/rbm.hpp"

namespace rbmpi {

/// A trained model as a file holds it (docs/formats.md).
struct Model {
  std::vector<Rbm> layers;
  std::string configuration;                      ///< the effective configuration as text, or empty
  std::map<std::string, std::string> provenance;  ///< root attributes: program, libraries, command line, dataset, ...
};

/// Local. Reads a model. Throws Error(Failure::file), naming the file and what is wrong with it: not a model, a version
/// from the future, arrays that are missing, of the wrong shape or type, or not finite.
[[nodiscard]] Model load_model(const std::filesystem::path& path);

/// Local. Writes a model; the file appears whole or not at all.
void save_model(const std::filesystem::path& path, const Model& model);

}  // namespace rbmpi
