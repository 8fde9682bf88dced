#include "rbmpi/model/feed_forward_net.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "rbmpi/core/digest.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/random.hpp"
#include "rbmpi/core/threads.hpp"

namespace rbmpi {
namespace {

constexpr std::array<std::string_view, 3> names = {"sigmoid", "linear", "softmax"};  // in the order of Activation

/// Weights and hidden biases of the layers of a stack, from the first on.
void set_upward_layers(std::span<const Rbm> stack, FeedForwardNet& net) {
  for (std::size_t k = 0; k < stack.size(); ++k) {
    const RbmView<const Real> rbm = stack[k];
    const NetLayer<Real> layer = net.layer(k);
    if (rbm.shape() != RbmShape{layer.weights.rows, layer.weights.columns}) {
      throw Error(Failure::usage,
                  fmt::format("layer {} has {} visible units above {} hidden ones: a stack that was trained with "
                              "join-labels = on does not make a net",
                              k + 1, rbm.shape().visible, layer.weights.rows));
    }
    std::copy_n(rbm.weights.values, rbm.weights.size(), layer.weights.values);
    std::ranges::copy(rbm.hidden_bias, layer.bias.begin());
  }
}

std::vector<std::size_t> hidden_units(std::span<const Rbm> stack) {
  std::vector<std::size_t> units;
  for (const Rbm& rbm : stack) units.push_back(rbm.shape().hidden);
  return units;
}

}  // namespace

std::string_view activation_name(Activation activation) noexcept {
  return names[static_cast<std::size_t>(activation)];
}

std::optional<Activation> activation_of(std::string_view name) noexcept {
  const auto* const place = std::ranges::find(names, name);
  if (place == names.end()) return std::nullopt;
  return static_cast<Activation>(place - names.begin());
}

std::string to_text(const NetShape& shape) {
  return fmt::format("{}", fmt::join(shape.units, "-"));
}

std::size_t NetShape::parameters() const {
  return net_layout(*this).size();
}

ParameterLayout net_layout(const NetShape& shape) {
  std::vector<ParameterArray> arrays;
  for (std::size_t k = 0; k < shape.layers(); ++k) {
    arrays.push_back({.path = layer_group(k) + "/weights",
                      .rows = shape.units[k],
                      .columns = shape.units[k + 1],
                      .group = rows_together,
                      .weight_cost = true,
                      .is_matrix = true});
    arrays.push_back({.path = layer_group(k) + "/bias", .rows = shape.units[k + 1], .group = rows_together});
  }
  return ParameterLayout(std::move(arrays));
}

void check_shape(const NetShape& shape) {
  const auto refuse = [&](const std::string& what) {
    throw Error(Failure::usage, fmt::format("a net of {} units {}", to_text(shape), what));
  };
  if (shape.activations.empty() || shape.units.size() != shape.activations.size() + 1) {
    refuse("must have at least one layer, and inputs");
  }
  for (const std::size_t units : shape.units) {
    if (units == 0 || units > largest_layer) refuse(fmt::format("must have from 1 to {} in each", largest_layer));
  }
  if (std::ranges::find(shape.activations, Activation::softmax) < shape.activations.end() - 1) {
    refuse("can have a softmax at its outputs only");
  }
}

NetShape classifier_shape(std::size_t inputs, std::span<const std::size_t> hidden, std::size_t classes) {
  NetShape shape{.units = {inputs}, .activations = std::vector(hidden.size(), Activation::sigmoid)};
  shape.units.insert(shape.units.end(), hidden.begin(), hidden.end());
  shape.units.push_back(classes);
  shape.activations.push_back(Activation::softmax);
  return shape;
}

NetShape autoencoder_shape(std::size_t inputs, std::span<const std::size_t> hidden, Activation code) {
  NetShape shape{.units = {inputs}, .activations = std::vector(2 * hidden.size(), Activation::sigmoid)};
  shape.units.insert(shape.units.end(), hidden.begin(), hidden.end());
  for (std::size_t k = hidden.size(); k > 0; --k) shape.units.push_back(shape.units[k - 1]);
  shape.activations[hidden.size() - 1] = code;
  return shape;
}

FeedForwardNet classifier_of_stack(std::span<const Rbm> stack, std::size_t classes) {
  FeedForwardNet net(classifier_shape(stack.front().shape().visible, hidden_units(stack), classes));
  set_upward_layers(stack, net);
  return net;
}

FeedForwardNet autoencoder_of_stack(std::span<const Rbm> stack, Activation code) {
  FeedForwardNet net(autoencoder_shape(stack.front().shape().visible, hidden_units(stack), code));
  set_upward_layers(stack, net);
  for (std::size_t k = 0; k < stack.size(); ++k) {
    const RbmView<const Real> rbm = stack[stack.size() - 1 - k];
    const NetLayer<Real> layer = net.layer(stack.size() + k);
    const bool from_linear_code = k == 0 && code == Activation::linear;
    for (std::size_t i = 0; i < rbm.weights.rows; ++i) {
      Real sum = 0;
      for (std::size_t j = 0; j < rbm.weights.columns; ++j) {
        const Real weight = rbm.weights.row(i)[j];
        layer.weights.row(j)[i] = from_linear_code ? weight / 4 : weight;
        sum += weight;
      }
      layer.bias[i] = rbm.visible_bias[i] + (from_linear_code ? sum / 2 : Real{0});
    }
  }
  return net;
}

void initialise_net(FeedForwardNet& net, std::uint64_t seed) {
  const NetShape& shape = net.shape();
  const auto is_hidden_sigmoid = [&](std::size_t k) {
    return k + 1 < shape.layers() && shape.activations[k] == Activation::sigmoid;
  };
  for (std::size_t k = 0; k < shape.layers(); ++k) {
    const NetLayer<Real> layer = net.layer(k);
    const bool from_sigmoids = k > 0 && is_hidden_sigmoid(k - 1);
    const double deviation = std::sqrt(2.0 / static_cast<double>(layer.weights.rows + layer.weights.columns)) *
                             (from_sigmoids ? 2 : 1) * (is_hidden_sigmoid(k) ? 2 : 1);
    parallel_for(layer.weights.rows, [&](std::size_t i) {
      const RandomStream stream(seed, static_cast<std::uint32_t>(k), 0, Phase::net_weights,
                                static_cast<std::uint32_t>(i));
      for (std::size_t j = 0; j < layer.weights.columns; ++j) {
        layer.weights.row(i)[j] = static_cast<Real>(deviation * normal(stream, static_cast<std::uint32_t>(j)));
      }
    });
    std::ranges::fill(layer.bias, Real{0});
    for (std::size_t i = 0; from_sigmoids && i < layer.weights.rows; ++i) {
      for (std::size_t j = 0; j < layer.weights.columns; ++j) layer.bias[j] -= layer.weights.row(i)[j] / 2;
    }
  }
}

std::string net_digest(const FeedForwardNet& net) {
  Sha256 hash;
  const NetShape& shape = net.shape();
  std::string text = fmt::format("rbmpi-net 1\n{}", shape.inputs());
  for (std::size_t k = 0; k < shape.layers(); ++k) {
    text += fmt::format(" {} {}", activation_name(shape.activations[k]), shape.units[k + 1]);
  }
  text += "\n";
  hash.update(std::as_bytes(std::span(text)));
  hash.update(std::as_bytes(net.parameters()));
  return hexadecimal(hash.finish());
}

std::optional<std::size_t> class_of(std::span<const std::int32_t> classes, std::int32_t label) noexcept {
  const auto place = std::ranges::lower_bound(classes, label);
  if (place == classes.end() || *place != label) return std::nullopt;
  return static_cast<std::size_t>(place - classes.begin());
}

}  // namespace rbmpi
