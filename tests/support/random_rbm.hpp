#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "rbmpi/model/rbm.hpp"
#include "support/numbers.hpp"

namespace rbmpi::test {

/// A machine with roughly normal weights and biases of these standard deviations.
inline Rbm random_rbm(RbmShape shape, double weights, double biases, std::uint64_t seed) {
  Random random(seed);
  Rbm rbm(shape);
  for (std::size_t i = 0; i < shape.parameters(); ++i) {
    rbm.parameters()[i] = static_cast<Real>(random.bell() * (i < shape.weights() ? weights : biases));
  }
  return rbm;
}

/// log Z by plain loops: over all states of the visible units, or of the hidden ones.
inline double plain_log_partition(const Rbm& rbm, bool over_visible) {
  const RbmView<const Real> p = rbm.view();
  const RbmShape shape = rbm.shape();
  const std::size_t states = over_visible ? shape.visible : shape.hidden;
  const std::size_t others = over_visible ? shape.hidden : shape.visible;
  double largest = -std::numeric_limits<double>::infinity();
  double sum = 0;
  for (std::uint64_t state = 0; state < std::uint64_t{1} << states; ++state) {
    double value = 0;
    for (std::size_t j = 0; j < states; ++j) {
      if ((state >> j & 1U) != 0) value += double{over_visible ? p.visible_bias[j] : p.hidden_bias[j]};
    }
    for (std::size_t i = 0; i < others; ++i) {
      double field{over_visible ? p.hidden_bias[i] : p.visible_bias[i]};
      for (std::size_t j = 0; j < states; ++j) {
        if ((state >> j & 1U) != 0) field += double{over_visible ? p.weights.row(j)[i] : p.weights.row(i)[j]};
      }
      value += std::fmax(field, 0.0) + std::log1p(std::exp(-std::fabs(field)));
    }
    if (value > largest) {
      sum = sum * std::exp(largest - value) + 1;
      largest = value;
    } else {
      sum += std::exp(value - largest);
    }
  }
  return largest + std::log(sum);
}

}  // namespace rbmpi::test
