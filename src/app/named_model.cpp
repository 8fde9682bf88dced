#include "app/named_model.hpp"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/parallel/from_root.hpp"

namespace rbmpi {

std::vector<Rbm> layers_up_to(std::size_t number, const NamedModel& named, const Communicator& world) {
  std::uint64_t wanted = number;
  world.agree_on_root([&] {
    refuse_net(named.model, named.file);
    const std::size_t layers = named.model.layers.size();
    if (number == 0 && layers > 1) {
      throw Error(Failure::usage, fmt::format("'{}' has {} layers: --layer K (1 is the lowest) says which one",
                                              named.file.string(), layers));
    }
    if (number > layers) {
      throw Error(Failure::usage,
                  fmt::format("option --layer {}: '{}' has {}", number, named.file.string(), plural(layers, "layer")));
    }
    if (number == 0) wanted = 1;
  });
  wanted = from_root(wanted, world);
  std::vector<Rbm> layers;
  for (std::size_t i = 0; i < wanted; ++i) {
    std::array<std::uint64_t, 2> sizes{};
    if (world.is_root()) sizes = {named.model.layers[i].shape().visible, named.model.layers[i].shape().hidden};
    sizes = from_root(sizes, world);
    world.agree([&] { layers.emplace_back(RbmShape{sizes[0], sizes[1]}); });
    if (world.is_root()) std::ranges::copy(named.model.layers[i].parameters(), layers[i].parameters().begin());
    world.broadcast(std::as_writable_bytes(layers[i].parameters()));
  }
  return layers;
}

}  // namespace rbmpi
