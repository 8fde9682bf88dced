#include "app/named_model.hpp"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

#include "rbmpi/core/error.hpp"

namespace rbmpi {

Rbm only_layer(const NamedModel& named, const Communicator& world) {
  world.agree_on_root([&] {
    refuse_net(named.model, named.file);
    const std::size_t layers = named.model.layers.size();
    if (layers == 1) return;
    throw Error(Failure::file,
                fmt::format("'{}' has {} layers; a model of one is wanted", named.file.string(), layers));
  });
  std::array<std::uint64_t, 2> sizes{};
  if (world.is_root()) sizes = {named.model.layers.front().shape().visible, named.model.layers.front().shape().hidden};
  world.broadcast(std::as_writable_bytes(std::span(sizes)));
  Rbm rbm;
  world.agree([&] { rbm = Rbm({sizes[0], sizes[1]}); });
  if (world.is_root()) std::ranges::copy(named.model.layers.front().parameters(), rbm.parameters().begin());
  world.broadcast(std::as_writable_bytes(rbm.parameters()));
  return rbm;
}

}  // namespace rbmpi
