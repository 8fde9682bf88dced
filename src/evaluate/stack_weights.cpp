#include "rbmpi/evaluate/stack_weights.hpp"

#include <algorithm>
#include <utility>

#include "rbmpi/core/real_product.hpp"
#include "rbmpi/gibbs/couplings.hpp"

namespace rbmpi {
namespace {

constexpr std::size_t line = whole_lines<double>(1);

std::size_t size_of(RbmShape shape) {
  return line + whole_lines<double>(shape.weights());
}

std::vector<RbmShape> shapes_of(const std::vector<RbmView<const Real>>& layers) {
  std::vector<RbmShape> shapes;
  shapes.reserve(layers.size());
  for (const RbmView<const Real>& layer : layers) shapes.push_back(layer.shape());
  return shapes;
}

}  // namespace

StackWeights::StackWeights(std::vector<RbmView<const Real>> layers)
    : layers_(std::move(layers)), own_(size(shapes_of(layers_))), memory_(own_.span()) {
  round();
}

StackWeights::StackWeights(std::vector<RbmView<const Real>> layers, std::span<double> memory)
    : layers_(std::move(layers)), memory_(memory) {}

void StackWeights::round() {
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    const ConstMatrixView weights = layers_[k].weights;
    const Couplings couplings(WeightRounding::two_grids, weights);
    place(k).front() = couplings.exact() ? 1 : 0;
    if (!couplings.exact()) continue;
    RealProduct::round(weights, couplings.up_grid(), place(k).subspan(line, weights.size()));
  }
}

std::span<const double> StackWeights::rounded(std::size_t layer) const noexcept {
  const std::span<const double> all = place(layer);
  if (all.front() == 0) return {};
  return all.subspan(line, layers_[layer].weights.size());
}

std::size_t StackWeights::size(std::span<const RbmShape> shapes) {
  std::size_t values = 0;
  for (const RbmShape& shape : shapes) values += size_of(shape);
  return values;
}

std::uint64_t StackWeights::rounding_memory(std::span<const RbmShape> shapes) {
  std::uint64_t most = 0;  // one layer at a time
  for (const RbmShape& shape : shapes) most = std::max<std::uint64_t>(most, 2 * shape.weights() * sizeof(Real));
  return most;
}

std::span<double> StackWeights::place(std::size_t layer) const noexcept {
  std::size_t first = 0;
  for (std::size_t k = 0; k < layer; ++k) first += size_of(layers_[k].shape());
  return memory_.subspan(first, size_of(layers_[layer].shape()));
}

}  // namespace rbmpi
