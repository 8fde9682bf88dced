#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rbmpi/model/feed_forward_net.hpp"

namespace rbmpi {

// The formulas of back-propagation (Rumelhart, Hinton and Williams 1986), on matrices with a row for each sample. A
// delta is the derivative of the objective, which is to grow, with respect to the field of a unit. The gradient of the
// weights is below^T deltas, `transposed_times` of core/gemm.hpp. Each is Local, and on all threads unless it says
// otherwise; none allocates.

/// The log-likelihood of the classes of the rows: softmax outputs p: n x classes become their deltas, one-hot(class) -
/// p, in place. losses[i] = -log p(class of row i), in units of loss_unit.
void classifier_deltas(MatrixView outputs, std::span<const std::uint32_t> classes, std::span<std::int64_t> losses);

/// The log-likelihood of the data v in [0, 1] as its own reconstruction: sigmoid outputs p: n x V become their deltas,
/// v - p, in place. losses[i] = sum over the units of -v log p - (1 - v) log(1 - p), in units of loss_unit.
void reconstruction_deltas(ConstMatrixView data, MatrixView outputs, std::span<std::int64_t> losses);

/// The deltas of the layer below: deltas_below = (deltas W^T) * f'(x). deltas: n x out of `layer`; below: what the
/// layer below says, n x in, with f = `activation`, sigmoid or linear, of which dropout left a share `keep` (1: all).
void backward_layer(const NetLayer<const Real>& layer, ConstMatrixView deltas, ConstMatrixView below,
                    Activation activation, Real keep, MatrixView deltas_below);

/// On the calling thread. The gradient of some biases: sums[i] = sum over the rows of the deltas of unit first + i.
void bias_gradient(ConstMatrixView deltas, std::size_t first, std::span<Real> sums);

}  // namespace rbmpi
