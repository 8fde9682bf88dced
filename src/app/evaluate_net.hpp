#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "app/layout.hpp"
#include "rbmpi/parallel/communicator.hpp"
#include "rbmpi/train/named_model.hpp"

namespace rbmpi {

/// What `rbmpi evaluate` is told of a net.
struct NetEvaluation {
  std::filesystem::path model;
  std::filesystem::path data;
  std::uint64_t rows = 0;       ///< 0: all
  std::optional<double> scale;  ///< of the data, if not what the file says
  bool json = false;
};

/// Collective. `rbmpi evaluate` for a net, which the root's `named` holds: of a classifier the error, cross-entropy,
/// confusion matrix and figures for each class; of an autoencoder the squared error.
void evaluate_net(NamedModel named, const NetEvaluation& settings, const Layout& layout, const Communicator& world);

}  // namespace rbmpi
