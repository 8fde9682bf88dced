#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rbmpi/model/feed_forward_net.hpp"
#include "support/scalar_draw.hpp"

namespace rbmpi::test {

/// A net and its back-propagation as the formulas say them, for one row at a time, in double precision.
class PlainNet {
 public:
  PlainNet(NetShape shape, std::vector<double> parameters)
      : shape_(std::move(shape)),
        layout_(net_layout(shape_)),
        parameters_(std::move(parameters)),
        said_(shape_.layers() + 1) {}

  [[nodiscard]] std::vector<double>& parameters() { return parameters_; }
  /// What layer k takes is multiplied with these: the masks of dropout.
  std::vector<std::vector<double>> factors;

  /// Dropout as a step draws it for the row at this position of the batch.
  void draw_factors(std::uint64_t seed, std::uint64_t step, std::uint32_t position, double input, double hidden) {
    factors.assign(shape_.layers(), {});
    for (std::size_t k = 0; k < shape_.layers(); ++k) {
      const bool drops = k == 0 || shape_.activations[k - 1] == Activation::sigmoid;
      const double keep = 1 - (drops ? (k == 0 ? input : hidden) : 0);
      const RandomStream stream(seed, static_cast<std::uint32_t>(k), step, Phase::dropout, position);
      for (std::size_t i = 0; i < shape_.units[k]; ++i) {
        const auto stays = static_cast<double>(draw(static_cast<Real>(keep), stream, i));
        factors[k].push_back(keep == 1 ? 1 : stays / keep);
      }
    }
  }

  /// The outputs for one row.
  const std::vector<double>& forward(const std::vector<double>& row) {
    said_[0] = row;
    for (std::size_t k = 0; k < shape_.layers(); ++k) {
      const std::size_t in = shape_.units[k];
      const std::size_t out = shape_.units[k + 1];
      for (std::size_t i = 0; i < in; ++i) said_[k][i] *= factors.empty() ? 1 : factors[k][i];
      std::vector<double>& x = said_[k + 1];
      x.assign(out, 0.0);
      for (std::size_t j = 0; j < out; ++j) {
        x[j] = parameters_[layout_.offset(2 * k + 1) + j];
        for (std::size_t i = 0; i < in; ++i) x[j] += said_[k][i] * parameters_[weight(k, i, j)];
      }
      if (shape_.activations[k] == Activation::sigmoid) {
        for (double& value : x) value = 1 / (1 + std::exp(-value));
      } else if (shape_.activations[k] == Activation::softmax) {
        double sum = 0;
        for (const double value : x) sum += std::exp(value);
        for (double& value : x) value = std::exp(value) / sum;
      }
    }
    return said_.back();
  }

  /// -log p(row), of the targets: one-hot of a class, or the row itself.
  double loss(const std::vector<double>& row, const std::vector<double>& targets) {
    const std::vector<double>& p = forward(row);
    double sum = 0;
    for (std::size_t j = 0; j < p.size(); ++j) {
      if (targets[j] > 0) sum -= targets[j] * std::log(p[j]);
      if (!shape_.is_classifier() && targets[j] < 1) sum -= (1 - targets[j]) * std::log(1 - p[j]);
    }
    return sum;
  }

  /// The same, and adds the gradient of log p(row).
  double add_gradient(const std::vector<double>& row, const std::vector<double>& targets,
                      std::vector<double>& gradient) {
    const double value = loss(row, targets);
    std::vector<double> deltas = targets;
    for (std::size_t j = 0; j < deltas.size(); ++j) deltas[j] -= said_.back()[j];
    for (std::size_t k = shape_.layers(); k-- > 0;) {
      std::vector<double> below(shape_.units[k]);
      for (std::size_t j = 0; j < deltas.size(); ++j) {
        gradient[layout_.offset(2 * k + 1) + j] += deltas[j];
        for (std::size_t i = 0; i < below.size(); ++i) {
          gradient[weight(k, i, j)] += said_[k][i] * deltas[j];
          below[i] += parameters_[weight(k, i, j)] * deltas[j];
        }
      }
      if (k == 0) break;
      for (std::size_t i = 0; i < below.size(); ++i) {
        const double factor = factors.empty() ? 1 : factors[k][i];
        below[i] *= factor;
        if (shape_.activations[k - 1] == Activation::sigmoid && factor > 0) {
          const double s = said_[k][i] / factor;
          below[i] *= s * (1 - s);
        }
      }
      deltas = below;
    }
    return value;
  }

 private:
  [[nodiscard]] std::size_t weight(std::size_t k, std::size_t i, std::size_t j) const {
    return layout_.offset(2 * k) + i * shape_.units[k + 1] + j;
  }

  NetShape shape_;
  ParameterLayout layout_;
  std::vector<double> parameters_;
  std::vector<std::vector<double>> said_;  // what layer k takes, and at last the outputs
};

}  // namespace rbmpi::test
