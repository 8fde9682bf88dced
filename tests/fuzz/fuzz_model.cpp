// Input: an HDF5 file, read as a model.

#include <algorithm>
#include <cmath>

#include "fuzz/contained.hpp"
#include "fuzz/support.hpp"
#include "rbmpi/model/model_file.hpp"

namespace {

using namespace rbmpi;

void read_model(const std::filesystem::path& path) {
  const Model model = load_model(path);
  fuzz::promise(!model.layers.empty(), "a model has layers");
  std::size_t below = model.layers.front().shape().visible;
  for (const Rbm& layer : model.layers) {
    fuzz::promise(layer.shape().visible == below, "a layer has the units of the one below");
    below = layer.shape().hidden;
    fuzz::promise(std::all_of(layer.parameters().begin(), layer.parameters().end(),
                              [](Real value) { return std::isfinite(value); }),
                  "parameters are finite");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Containment containment;
  const std::filesystem::path path = fuzz::input_file("input.h5", {data, size});
  (void)containment.accepted([&] { read_model(path); });
  return 0;
}
