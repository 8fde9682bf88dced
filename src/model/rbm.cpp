#include "rbmpi/model/rbm.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "rbmpi/core/digest.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/core/softplus.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {

ParameterLayout rbm_layout(RbmShape shape, std::size_t layer) {
  const std::string group = layer_group(layer);
  return ParameterLayout({{.path = group + "/weights",
                           .rows = shape.visible,
                           .columns = shape.hidden,
                           .group = rows_together,
                           .weight_cost = true,
                           .is_matrix = true},
                          {.path = group + "/visible_bias", .rows = shape.visible},
                          {.path = group + "/hidden_bias", .rows = shape.hidden}});
}

void initialise_weights(RbmView<Real> rbm, double standard_deviation, std::uint64_t seed, std::uint32_t layer) {
  const MatrixView weights = rbm.weights;
  parallel_for(weights.rows, [&](std::size_t i) {
    const RandomStream stream(seed, layer, 0, Phase::weights, static_cast<std::uint32_t>(i));
    for (std::size_t j = 0; j < weights.columns; ++j) {
      weights.row(i)[j] = static_cast<Real>(standard_deviation * normal(stream, static_cast<std::uint32_t>(j)));
    }
  });
}

double log_odds(double p) noexcept {
  return portable_log(p) - portable_log(1 - p);
}

void set_visible_bias_to_log_odds(RbmView<Real> rbm, std::span<const double> means, std::uint64_t rows) {
  const double least = 0.5 / static_cast<double>(rows);
  const std::span<Real> bias = rbm.visible_bias;
  for (std::size_t i = 0; i < bias.size(); ++i) {
    bias[i] = static_cast<Real>(log_odds(std::clamp(means[i], least, 1 - least)));
  }
}

double with_hidden_units(double energy, std::span<const Real> hidden_bias, const Real* fields,
                         double inverse_temperature) noexcept {
  for (std::size_t j = 0; j < hidden_bias.size(); ++j) {
    energy -= softplus(double{hidden_bias[j]} + inverse_temperature * double{fields[j]});
  }
  return energy;
}

void free_energies(RbmView<const Real> rbm, ConstMatrixView v, ConstMatrixView fields, std::span<double> energies) {
  parallel_for(v.rows, [&](std::size_t i) {
    double energy = 0;
    for (std::size_t j = 0; j < v.columns; ++j) energy -= double{rbm.visible_bias[j]} * double{v.row(i)[j]};
    energies[i] = with_hidden_units(energy, rbm.hidden_bias, fields.row(i));
  });
}

std::string model_digest(std::span<const Rbm> layers) {
  Sha256 hash;
  const auto add = [&](const std::string& text) { hash.update(std::as_bytes(std::span(text))); };
  add("rbmpi-model 1\n");
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const RbmShape shape = layers[i].shape();
    add(fmt::format("layer {} bernoulli {} bernoulli {}\n", i, shape.visible, shape.hidden));
    hash.update(std::as_bytes(layers[i].parameters()));
  }
  return hexadecimal(hash.finish());
}

}  // namespace rbmpi
