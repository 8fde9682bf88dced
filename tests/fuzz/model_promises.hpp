#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "fuzz/support.hpp"
#include "rbmpi/model/model_file.hpp"

namespace rbmpi::fuzz {

/// Sorted, and each once.
inline bool are_classes(const std::vector<std::int32_t>& classes) {
  return std::ranges::adjacent_find(classes, std::greater_equal()) == classes.end();
}

/// What the reader of models promises of each that it accepts.
inline void check_model(const Model& model) {
  const auto are_finite = [](std::span<const Real> values) {
    return std::ranges::all_of(values, [](Real value) { return std::isfinite(value); });
  };
  promise(are_classes(model.classes), "classes rise");
  if (model.net) {
    promise(model.layers.empty() && model.net->shape().layers() > 0, "a net has layers, and no RBMs");
    promise(model.classes.size() == (model.net->shape().is_classifier() ? model.net->shape().outputs() : 0),
            "each output of a classifier has a class");
    promise(model.code_layer < model.net->shape().layers(), "the code is a hidden layer");
    promise(are_finite(model.net->parameters()), "parameters are finite");
    return;
  }
  promise(!model.layers.empty(), "a model has layers");
  std::size_t below = 0;
  for (std::size_t i = 0; i < model.layers.size(); ++i) {
    const Rbm& layer = model.layers[i];
    const std::size_t labels = i + 1 == model.layers.size() ? model.classes.size() : 0;
    promise(i == 0 ? layer.shape().visible > labels : layer.shape().visible == below + labels,
            "a layer has the units of the one below, and the highest those of the labels");
    below = layer.shape().hidden;
    promise(are_finite(layer.parameters()), "parameters are finite");
  }
}

}  // namespace rbmpi::fuzz
