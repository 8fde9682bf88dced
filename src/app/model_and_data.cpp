#include "app/model_and_data.hpp"

#include <charconv>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/options.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/storage/contained_read.hpp"

namespace rbmpi {

namespace fs = std::filesystem;

LoadedModel::LoadedModel(const fs::path& path, const Communicator& world) {
  world.agree_on_root([&] {
    now_doing("reading the model");
    named = load_named_model(path);
  });
  rbm = only_layer(named, world);
}

NodeSamples load_rows(const fs::path& data, std::uint64_t rows, const fs::path& model, RbmShape shape,
                      const Layout& layout, const Communicator& world) {
  const auto check = [&](const DatasetInfo& info) -> std::uint64_t {
    if (info.columns == shape.visible) return 0;
    throw Error(Failure::file,
                fmt::format("the model does not fit the data: '{}' has {} visible x {} hidden units, "
                            "'{}' has {} rows x {} columns",
                            model.string(), shape.visible, shape.hidden, data.string(), info.rows, info.columns));
  };
  return {world, layout.node, data, rows, check};
}

std::vector<std::uint64_t> picture_of(const Model& model) {
  const auto dataset = model.provenance.find("dataset");
  if (dataset == model.provenance.end()) return {};
  try {
    std::vector<std::uint64_t> picture = parse_picture(read_in_child(dataset->second, [&] {
      return fmt::format("{}", fmt::join(DatasetReader(dataset->second).info().picture, "x"));
    }));
    const bool fits = picture.size() == 2 && picture[0] * picture[1] == model.layers.front().shape().visible;
    return fits ? picture : std::vector<std::uint64_t>();
  } catch (const Error&) {
    return {};  // it was only a try
  }
}

void refuse_same_file(const char* option, const fs::path& output, const std::vector<fs::path>& inputs) {
  for (const fs::path& input : inputs) {
    std::error_code not_there;
    if (!output.empty() && fs::equivalent(output, input, not_there)) {
      throw Error(Failure::usage,
                  fmt::format("--{} is '{}', which is read from; give it another name", option, output.string()));
    }
  }
}

}  // namespace rbmpi
