#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace rbmpi {

/// What `rbmpi evaluate --json` wrote.
struct Evaluation {
  struct Figure {
    std::string name;  ///< the key; of a key in an object, "outer.inner"
    double value = 0;
    std::optional<double> standard_error;
  };
  std::filesystem::path file;
  std::string model_digest;  ///< empty if it has none
  std::string data;
  std::vector<Figure> figures;  ///< every number, in the order of the file
};

/// Local. Throws Error(Failure::file) if the file cannot be read or is no JSON object.
[[nodiscard]] Evaluation read_evaluation(const std::filesystem::path& file);

}  // namespace rbmpi
