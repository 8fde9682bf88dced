#pragma once

#include <algorithm>
#include <cmath>

#include "fuzz/support.hpp"
#include "rbmpi/model/model_file.hpp"

namespace rbmpi::fuzz {

/// What the reader of models promises of each that it accepts.
inline void check_model(const Model& model) {
  promise(!model.layers.empty(), "a model has layers");
  std::size_t below = model.layers.front().shape().visible;
  for (const Rbm& layer : model.layers) {
    promise(layer.shape().visible == below, "a layer has the units of the one below");
    below = layer.shape().hidden;
    promise(std::all_of(layer.parameters().begin(), layer.parameters().end(),
                        [](Real value) { return std::isfinite(value); }),
            "parameters are finite");
  }
}

}  // namespace rbmpi::fuzz
