#include "app/loaded_net.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/model/model_file.hpp"

namespace rbmpi {
namespace {

/// Collective. The root's list on every rank; that of the others has no elements yet.
template <typename Value>
void broadcast_list(std::vector<Value>& list, const Communicator& world) {
  std::uint64_t size = list.size();
  world.broadcast(std::as_writable_bytes(std::span(&size, 1)));
  world.agree([&] { list.resize(size); });
  world.broadcast(std::as_writable_bytes(std::span(list)));
}

}  // namespace

LoadedNet loaded_net(NamedModel named, const Communicator& world) {
  world.agree_on_root([&] { refuse_stack(named.model, named.file); });
  LoadedNet loaded;
  NetShape shape;
  if (world.is_root()) {
    loaded.net = std::move(*named.model.net);
    loaded.classes = named.model.classes;
    loaded.code_layer = named.model.code_layer;
    shape = loaded.net.shape();
  }
  broadcast_list(shape.units, world);
  broadcast_list(shape.activations, world);
  broadcast_list(loaded.classes, world);
  world.broadcast(std::as_writable_bytes(std::span(&loaded.code_layer, 1)));
  world.agree([&] {
    if (!world.is_root()) loaded.net = FeedForwardNet(std::move(shape));
  });
  world.broadcast(std::as_writable_bytes(loaded.net.parameters()));
  loaded.named = std::move(named);
  return loaded;
}

NodeSamples load_rows(const std::filesystem::path& data, std::uint64_t rows, const std::filesystem::path& model,
                      const NetShape& shape, const Layout& layout, const Communicator& world) {
  const auto check = [&](const DatasetInfo& info) -> std::uint64_t {
    if (info.columns == shape.inputs()) return 0;
    throw Error(Failure::file,
                fmt::format("the net does not fit the data: '{}' is {} units, '{}' has {} x {}", model.string(),
                            to_text(shape), data.string(), plural(info.rows, "row"), plural(info.columns, "column")));
  };
  return {world, layout.node, data, rows, check};
}

}  // namespace rbmpi
