#include "rbmpi/train/net_gradient.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "rbmpi/core/gemm.hpp"
#include "rbmpi/core/net_kernels.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/train/training_state.hpp"

namespace rbmpi {
namespace {

/// Of parameters that diverge it may be anything; what comes of that is found when they are no longer finite.
std::int64_t in_loss_units(Real loss) {
  constexpr double largest = 1e6;
  const auto value = static_cast<double>(loss);
  return std::llround((value < largest ? value : largest) / loss_unit);
}

}  // namespace

void classifier_deltas(MatrixView outputs, std::span<const std::uint32_t> classes, std::span<std::int64_t> losses) {
  parallel_for(outputs.rows, [&](std::size_t i) {
    Real* const p = outputs.row(i);
    losses[i] = in_loss_units(-std::log(std::max(p[classes[i]], std::numeric_limits<Real>::min())));
    for (std::size_t k = 0; k < outputs.columns; ++k) p[k] = -p[k];
    p[classes[i]] += 1;
  });
}

void reconstruction_deltas(ConstMatrixView data, MatrixView outputs, std::span<std::int64_t> losses) {
  parallel_for(outputs.rows, [&](std::size_t i) {
    const Real* const v = data.row(i);
    Real* const p = outputs.row(i);
    losses[i] = in_loss_units(cross_entropy(v, p, outputs.columns));
    subtract_from(v, outputs.columns, p);
  });
}

void backward_layer(const NetLayer<const Real>& layer, ConstMatrixView deltas, ConstMatrixView below,
                    Activation activation, Real keep, MatrixView deltas_below) {
  multiply_by_transposed(deltas, layer.weights, deltas_below);
  if (activation == Activation::linear) return;
  parallel_for(below.rows,
               [&](std::size_t i) { multiply_by_slope(below.row(i), keep, below.columns, deltas_below.row(i)); });
}

void bias_gradient(ConstMatrixView deltas, std::size_t first, std::span<Real> sums) {
  std::ranges::fill(sums, Real{0});
  for (std::size_t i = 0; i < deltas.rows; ++i) add(deltas.row(i) + first, sums.size(), sums.data());
}

}  // namespace rbmpi
