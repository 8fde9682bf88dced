#pragma once

#include <vector>

#include "rbmpi/core/arena.hpp"
#include "rbmpi/model/feed_forward_net.hpp"

namespace rbmpi {

/// Local, on all threads. activations = f(below W + bias). below: n x in, activations: n x out; nothing is allocated.
void forward_layer(const NetLayer<const Real>& layer, ConstMatrixView below, MatrixView activations);

/// The pass of some rows through a net, with the activations of every layer. Local.
class NetPass {
 public:
  NetPass() = default;
  /// For up to `rows` rows at a time.
  NetPass(const NetShape& shape, std::size_t rows, Arena& memory);

  /// Where the inputs of so many rows go, [rows x inputs].
  [[nodiscard]] MatrixView inputs(std::size_t rows) noexcept;
  /// On all threads. Takes the inputs through the first `layers` layers; returns the activations of the last of them.
  MatrixView forward(std::span<const Real> parameters, std::size_t rows, std::size_t layers);
  /// Through all layers: the outputs.
  MatrixView forward(std::span<const Real> parameters, std::size_t rows) {
    return forward(parameters, rows, shape_.layers());
  }

 private:
  NetShape shape_;
  ParameterLayout layout_;
  std::vector<std::span<Real>> activations_;  // of the inputs, then of each layer: rows x units
};

}  // namespace rbmpi
