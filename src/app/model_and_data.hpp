#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/layout.hpp"
#include "rbmpi/data/node_samples.hpp"
#include "rbmpi/evaluate/stack_features.hpp"
#include "rbmpi/model/rbm.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/named_model.hpp"

namespace rbmpi {

/// The number, from 1, that stands for the highest layer.
inline constexpr std::size_t highest_layer = std::numeric_limits<std::size_t>::max();

/// Collective. The model of `path` to use, on the root, be it a net (load_best_model) or not; the others have nothing
/// yet. Throws an AgreedError.
[[nodiscard]] NamedModel model_on_root(const std::filesystem::path& path, const Communicator& world);

/// Collective. The model of `path`, or one that the root has read, and one of its layers on every rank, with those
/// below it. `layer`: its number, from 1; 0: the only one.
struct LoadedModel {
  LoadedModel(const std::filesystem::path& path, const Communicator& world, std::size_t layer = 0);
  LoadedModel(NamedModel model, const Communicator& world, std::size_t layer = 0);
  NamedModel named;  ///< on the root
  std::vector<Rbm> below;
  Rbm rbm;
  std::vector<std::int32_t> classes;  ///< of labels that are units of this layer

  /// All of its layers, lowest first.
  [[nodiscard]] std::vector<RbmView<const Real>> stack() const;
  /// On the root: the chains of its training, or null.
  [[nodiscard]] const ChainStates* chains() const;
  /// What the columns of data for it must be, and the hidden units of the layer.
  [[nodiscard]] RbmShape shape_for_data() const;
};

/// The rows of data as a layer sees them.
class LayerRows {
 public:
  /// Collective. Both must live on. Throws an AgreedError(Failure::file) if the layer wants labels and there are none,
  /// or others.
  LayerRows(const LoadedModel& model, const Rows& data, const Communicator& world);
  [[nodiscard]] const Rows& rows() const noexcept { return rows_; }

 private:
  std::unique_ptr<StackFeatures> features_;
  Rows rows_;
};

/// Collective. The first `rows` rows of a dataset, or all if `rows` is 0, once per node; `scale`: the value that means
/// 1.0, if not what the file says. Throws an AgreedError(Failure::file) if they would be misread, and an
/// AgreedError(Failure::file) that names both shapes if the model, of the file `model`, does not fit them.
[[nodiscard]] NodeSamples load_rows(const std::filesystem::path& data, std::uint64_t rows,
                                    const std::filesystem::path& model, RbmShape shape, const Layout& layout,
                                    const Communicator& world, std::optional<double> scale);

/// Local. {height, width} of the pictures that a model was trained on, if the model or its dataset, where it was,
/// tells; else empty.
[[nodiscard]] std::vector<std::uint64_t> picture_of(const Model& model);

enum class OutputKind { hdf5, other };

/// Local. Throws Error(Failure::usage) if an output, of the option `option`, would replace what is not its like: one of
/// the inputs, a file that a training run keeps in its folder, or, by another kind of file, a dataset or a model.
void check_output(const char* option, const std::filesystem::path& output,
                  const std::vector<std::filesystem::path>& inputs, OutputKind kind);

}  // namespace rbmpi
