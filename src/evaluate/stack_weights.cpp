#include "rbmpi/evaluate/stack_weights.hpp"

#include <utility>

#include "rbmpi/core/real_product.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/gibbs/couplings.hpp"

namespace rbmpi {

namespace {
constexpr std::size_t line = whole_lines<double>(1);
}  // namespace

StackWeights::StackWeights(std::vector<RbmView<const Real>> layers, Arena& shared, Arena& own)
    : layers_(std::move(layers)) {
  for (const RbmView<const Real>& layer : layers_) {
    const auto [visible, hidden] = std::pair(layer.shape().visible, layer.shape().hidden);
    places_.push_back(shared.take<double>(line + visible * hidden));
    Arena counted(ArenaUse::count);  // one layer at a time
    const Couplings couplings(WeightRounding::two_grids, {nullptr, visible, hidden}, counted);
    own.expect(counted.taken());
  }
}

void StackWeights::round() const {
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    const ConstMatrixView weights = layers_[k].weights;
    const Couplings couplings(WeightRounding::two_grids, weights);
    places_[k].front() = couplings.exact() ? 1 : 0;
    if (couplings.exact()) RealProduct::round(weights, couplings.up_grid(), places_[k].subspan(line));
  }
}

std::span<const double> StackWeights::rounded(std::size_t layer) const noexcept {
  if (places_[layer].front() == 0) return {};
  return places_[layer].subspan(line);
}

}  // namespace rbmpi
