#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/layout.hpp"
#include "rbmpi/data/node_samples.hpp"
#include "rbmpi/model/feed_forward_net.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/named_model.hpp"

namespace rbmpi {

/// A net, its parameters and what its outputs mean, on every rank; the model that it is from, on the root.
struct LoadedNet {
  NamedModel named;  ///< of the root; its net has moved to `net`
  FeedForwardNet net;
  std::vector<std::int32_t> classes;  ///< of a classifier
  std::size_t code_layer = 0;         ///< of an autoencoder

  [[nodiscard]] bool is_classifier() const noexcept { return net.shape().is_classifier(); }
};

/// Collective. The net of the root's model; the others' has nothing yet. Throws an AgreedError(Failure::file) if it is
/// a stack of RBMs.
[[nodiscard]] LoadedNet loaded_net(NamedModel named, const Communicator& world);

/// Local, on the root. Throws Error(Failure::file) if a label means another class in the data than to the classifier:
/// both have names for it, `names` those of the labels 0, 1, ... of the data, and they differ.
void check_class_names(const LoadedNet& model, const std::vector<std::string>& names,
                       const std::filesystem::path& data);

/// Collective. The first `rows` rows of a dataset, or all if `rows` is 0, once per node; `scale`: the value that means
/// 1.0, if not what the file says. Throws an AgreedError(Failure::file) if they would be misread, and an
/// AgreedError(Failure::file) that names both shapes if the net, of the file `model`, does not fit them.
[[nodiscard]] NodeSamples load_rows(const std::filesystem::path& data, std::uint64_t rows,
                                    const std::filesystem::path& model, const NetShape& shape, const Layout& layout,
                                    const Communicator& world, std::optional<double> scale);

}  // namespace rbmpi
