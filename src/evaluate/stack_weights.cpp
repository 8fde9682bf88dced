#include "rbmpi/evaluate/stack_weights.hpp"

#include <utility>

#include "rbmpi/core/exact_weights.hpp"
#include "rbmpi/core/real_product.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {

namespace {
constexpr std::size_t line = whole_lines<double>(1);
}  // namespace

StackWeights::StackWeights(std::vector<RbmView<const Real>> layers, Arena& shared, Arena& own)
    : layers_(std::move(layers)) {
  for (const RbmView<const Real>& layer : layers_) {
    const auto [visible, hidden] = layer.shape();
    places_.push_back(shared.take<double>(line + visible * hidden));
    Arena counted(ArenaUse::count);  // one layer at a time
    const ExactWeightsMemory copies(visible, hidden, static_cast<std::size_t>(threads_in_use()), counted);
    own.expect(counted.taken());
  }
}

void StackWeights::round() const {
  for (std::size_t k = 0; k < layers_.size(); ++k) {
    const ConstMatrixView weights = layers_[k].weights;
    ExactWeights exact(weights.rows, weights.columns);
    const bool fit = exact.assign(weights);
    places_[k].front() = fit ? 1 : 0;
    if (fit) RealProduct::round(weights, exact.up_grid(), places_[k].subspan(line));
  }
}

std::span<const double> StackWeights::rounded(std::size_t layer) const noexcept {
  if (places_[layer].front() == 0) return {};
  return places_[layer].subspan(line);
}

}  // namespace rbmpi
