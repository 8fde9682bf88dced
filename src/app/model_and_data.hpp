#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "app/layout.hpp"
#include "app/named_model.hpp"
#include "rbmpi/data/node_samples.hpp"
#include "rbmpi/model/rbm.hpp"

namespace rbmpi {

/// Collective. The model of `path` on the root, and its only layer on every rank.
struct LoadedModel {
  LoadedModel(const std::filesystem::path& path, const Communicator& world);
  NamedModel named;
  Rbm rbm;
};

/// Collective. The first `rows` rows of a dataset, or all if `rows` is 0, once per node. Throws an
/// AgreedError(Failure::file) that names both shapes if the model, of the file `model`, does not fit them.
[[nodiscard]] NodeSamples load_rows(const std::filesystem::path& data, std::uint64_t rows,
                                    const std::filesystem::path& model, RbmShape shape, const Layout& layout,
                                    const Communicator& world);

/// Local. {height, width} of the pictures that a model was trained on, if the model or its dataset, where it was,
/// tells; else empty.
[[nodiscard]] std::vector<std::uint64_t> picture_of(const Model& model);

enum class OutputKind { hdf5, other };

/// Local. Throws Error(Failure::usage) if an output, of the option `option`, would replace what is not its like: one of
/// the inputs, a file that a training run keeps in its folder, or, by another kind of file, a dataset or a model.
void check_output(const char* option, const std::filesystem::path& output,
                  const std::vector<std::filesystem::path>& inputs, OutputKind kind);

}  // namespace rbmpi
