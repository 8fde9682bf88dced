#include "app/loaded_net.hpp"

#include <utility>

#include <fmt/format.h>

#include "app/data_findings.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/evaluate/net_outputs.hpp"
#include "rbmpi/parallel/from_root.hpp"

namespace rbmpi {

LoadedNet loaded_net(NamedModel named, const Communicator& world) {
  world.agree_on_root([&] { refuse_stack(named.model, named.file); });
  LoadedNet loaded;
  if (world.is_root()) loaded.net = std::move(*named.model.net);
  broadcast_net(loaded.net, world);
  loaded.classes = from_root(named.model.classes, world);
  loaded.code_layer = from_root(named.model.code_layer, world);
  loaded.named = std::move(named);
  return loaded;
}

void check_class_names(const LoadedNet& model, const std::vector<std::string>& names,
                       const std::filesystem::path& data) {
  const std::vector<std::string>& known = model.named.model.class_names;
  for (std::size_t k = 0; !names.empty() && k < known.size(); ++k) {
    const auto label = static_cast<std::size_t>(model.classes[k]);
    if (label >= names.size() || names[label] == known[k]) continue;
    throw Error(Failure::file, fmt::format("'{}': the class of the label {} is '{}', but '{}' in '{}'; rbmpi import "
                                           "--map NAME=NUMBER,... gives classes the numbers of the model",
                                           data.string(), label, names[label], known[k], model.named.file.string()));
  }
}

NodeSamples load_rows(const std::filesystem::path& data, std::uint64_t rows, const std::filesystem::path& model,
                      const NetShape& shape, const Layout& layout, const Communicator& world,
                      std::optional<double> scale) {
  const auto check = [&](const DatasetInfo& info) -> std::uint64_t {
    if (info.columns == shape.inputs()) return 0;
    throw Error(Failure::file,
                fmt::format("the net does not fit the data: '{}' is {} units, '{}' has {} x {}", model.string(),
                            to_text(shape), data.string(), plural(info.rows, "row"), plural(info.columns, "column")));
  };
  const auto row_memory = [](const DatasetInfo&) { return RowMemory(); };
  return heeded({world, layout.node, data, rows, check, row_memory, scale}, data, world);
}

}  // namespace rbmpi
