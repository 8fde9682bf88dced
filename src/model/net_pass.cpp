#include "rbmpi/model/net_pass.hpp"

#include <algorithm>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/kernels.hpp"
#include "rbmpi/core/net_kernels.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {

void forward_layer(const NetLayer<const Real>& layer, ConstMatrixView below, MatrixView activations) {
  multiply(below, layer.weights, activations);
  const Real* const bias = layer.bias.data();
  const std::size_t units = layer.bias.size();
  switch (layer.activation) {
    case Activation::sigmoid:
      return parallel_for(below.rows, [&](std::size_t i) { activate(activations.row(i), bias, units, unrounded); });
    case Activation::linear:
      return parallel_for(below.rows, [&](std::size_t i) { add(bias, units, activations.row(i)); });
    case Activation::softmax:
      return parallel_for(below.rows, [&](std::size_t i) { softmax(activations.row(i), bias, units); });
  }
}

NetPass::NetPass(const NetShape& shape, std::size_t rows, Arena& memory) : shape_(shape), layout_(net_layout(shape)) {
  for (const std::size_t units : shape.units) activations_.push_back(memory.take<Real>(rows * units));
}

MatrixView NetPass::inputs(std::size_t rows) noexcept {
  return {activations_.front().data(), rows, shape_.inputs()};
}

MatrixView NetPass::forward(std::span<const Real> parameters, std::size_t rows, std::size_t layers) {
  MatrixView below = inputs(rows);
  for (std::size_t k = 0; k < layers; ++k) {
    const MatrixView activations{activations_[k + 1].data(), rows, shape_.units[k + 1]};
    forward_layer(net_layer(shape_, layout_, parameters, k), below, activations);
    below = activations;
  }
  return below;
}

}  // namespace rbmpi
