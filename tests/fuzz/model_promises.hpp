#pragma once

#include <algorithm>
#include <cmath>
#include <span>

#include "fuzz/support.hpp"
#include "rbmpi/model/model_file.hpp"

namespace rbmpi::fuzz {

/// What the reader of models promises of each that it accepts.
inline void check_model(const Model& model) {
  const auto are_finite = [](std::span<const Real> values) {
    return std::ranges::all_of(values, [](Real value) { return std::isfinite(value); });
  };
  if (model.net) {
    promise(model.layers.empty() && model.net->shape().layers() > 0, "a net has layers, and no RBMs");
    promise(model.classes.size() == (model.net->shape().is_classifier() ? model.net->shape().outputs() : 0),
            "each output of a classifier has a class");
    promise(model.code_layer < model.net->shape().layers(), "the code is a hidden layer");
    promise(are_finite(model.net->parameters()), "parameters are finite");
    return;
  }
  promise(!model.layers.empty(), "a model has layers");
  std::size_t below = model.layers.front().shape().visible;
  for (const Rbm& layer : model.layers) {
    promise(layer.shape().visible == below, "a layer has the units of the one below");
    below = layer.shape().hidden;
    promise(are_finite(layer.parameters()), "parameters are finite");
  }
}

}  // namespace rbmpi::fuzz
