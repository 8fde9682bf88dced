#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "app/command_options.hpp"
#include "app/command_start.hpp"
#include "app/configuration.hpp"
#include "app/loaded_net.hpp"
#include "app/model_and_data.hpp"
#include "app/options.hpp"
#include "app/row_names.hpp"
#include "app/terminal.hpp"
#include "app/work_bar.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/evaluate/hidden_features.hpp"
#include "rbmpi/evaluate/net_outputs.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

struct TransformSettings {
  fs::path model;
  fs::path data;
  fs::path output;
  FeatureSettings features;
  std::size_t layer = highest_layer;
  TrainSettings train;  ///< of it the shared keys
};

constexpr const char* transform_shared_keys[] = {"rows", "scale", "threads", "progress", "hang-timeout"};

constexpr CommandOption<TransformSettings> transform_own_options[] = {
    {"output", "FILE", "the dataset of features to make", [](auto& s, const std::string& text) { s.output = text; }},
    {"layer", "K", "of the units of this layer of a stack, the lowest being 1 [the highest]",
     [](auto& s, const std::string& text) { s.layer = parse_count(text, 1, 1000); }},
    {"sample", nullptr, "zeros and ones drawn with the probabilities, instead of the probabilities",
     [](auto& s, const std::string&) { s.features.sample = true; }},
    {"seed", "N", "of what is drawn [1]",
     [](auto& s, const std::string& text) {
       s.features.seed = parse_count(text, 0, std::numeric_limits<std::uint64_t>::max());
     }},
};

CommandOptions<TransformSettings> transform_options() {
  return {transform_own_options, transform_shared_keys};
}

constexpr const char* transform_usage = "transform MODEL DATA --output FILE";

std::string transform_help() {
  return "Makes features of data: the probabilities of a model's hidden units, of a stack those of its highest layer, "
         "as "
         "a\ndataset that `rbmpi train` and others read. Labels and names are kept.\n\n"
         "Usage:\n"
         "  rbmpi transform MODEL DATA --output FILE [OPTIONS]\n"
         "  mpirun -n RANKS rbmpi transform MODEL DATA --output FILE [OPTIONS]\n\n"
         "MODEL is a model, a checkpoint, or the folder of a run. Of a net it makes what the highest hidden layer of "
         "a\n"
         "classifier says, or the codes of an autoencoder, which may be any numbers: to look at, not to train on.\n\n"
         "Options:\n" +
         transform_options().help() +
         "\nExample:\n  mpirun -n 2 rbmpi transform runs/a train.h5 --output features.h5\n";
}

TransformSettings transform_settings(const po::variables_map& values) {
  TransformSettings settings;
  settings.model = file_argument(values, "model", "model", transform_usage);
  settings.data = file_argument(values, "data", "dataset", transform_usage);
  transform_options().set(settings, values);
  want_output(settings.output, "dataset", transform_usage);
  check_output("output", settings.output, {settings.model, settings.data}, OutputKind::hdf5);
  return settings;
}

/// The dataset of features, on the root.
class FeatureWriter {
 public:
  /// `features`: so many of each row, values of this kind; `source`: what makes them, in words.
  FeatureWriter(const TransformSettings& settings, std::size_t features, ValueKind kind, const std::string& source,
                const NodeSamples& data)
      : sampled_(settings.features.sample),
        labels_(data.rows().labels),
        weights_(data.rows().weights),
        names_(settings.data, data.info()),
        writer_(settings.output, info(settings, features, kind, source, data, names_)) {}

  void append(std::uint64_t first, ConstMatrixView features) {
    const std::vector<std::string> names = names_.of(first, features.rows);
    DatasetRows rows{.count = features.rows,
                     .samples = features.values,
                     .labels = labels_ == nullptr ? nullptr : labels_ + first,
                     .weights = weights_ == nullptr ? nullptr : weights_ + first,
                     .names = names};
    if (!sampled_) return writer_.append(rows);
    std::vector<std::uint8_t> states(features.size());
    for (std::size_t i = 0; i < states.size(); ++i) states[i] = features.values[i] > 0 ? 1 : 0;
    rows.samples = states.data();
    writer_.append(rows);
  }
  void finish() { writer_.finish(); }

 private:
  static DatasetInfo info(const TransformSettings& settings, std::size_t features, ValueKind kind,
                          const std::string& source, const NodeSamples& data, const RowNames& names) {
    const bool sampled = settings.features.sample;
    DatasetInfo info;
    info.type = sampled ? ElementType::uint8 : ElementType::float32;
    info.rows = data.rows().rows;
    info.columns = features;
    info.scale = 1.0;
    info.kind = kind;
    info.has_labels = data.info().has_labels;
    info.has_weights = data.info().has_weights;
    info.class_names = data.info().class_names;
    info.row_name_bytes = names.longest();
    info.source = fmt::format("{} for '{}' (digest {}){}", source, settings.data.string(), data.digest(),
                              sampled ? fmt::format(", seed {}", settings.features.seed) : "");
    return info;
  }

  bool sampled_;
  const std::int32_t* labels_;  // of the data, or nothing
  const float* weights_;        // likewise
  RowNames names_;
  DatasetWriter writer_;
};

std::string source_of(const LoadedModel& model, bool sampled) {
  return fmt::format("hidden {} of {}'{}' (digest {})", sampled ? "states" : "probabilities",
                     model.below.empty() ? "" : fmt::format("layer {} of ", model.below.size() + 1),
                     model.named.file.string(), model_digest(model.named.model.layers));
}

/// Collective. The codes of an autoencoder, or what the highest hidden layer of a classifier makes of the data.
void transform_by_net(const LoadedNet& model, const TransformSettings& settings, const Layout& layout,
                      const Communicator& world) {
  world.agree_on_root([&] {
    if (!settings.features.sample && settings.layer == highest_layer) return;
    throw Error(Failure::usage, fmt::format("--{} is for stacks of RBMs, but '{}' is a net",
                                            settings.features.sample ? "sample" : "layer", model.named.file.string()));
  });
  const NetShape& shape = model.net.shape();
  const std::size_t layers = model.is_classifier() ? shape.layers() - 1 : model.code_layer;
  const char* const name = model.is_classifier() ? "features" : "codes";
  NodeSamples data =
      load_rows(settings.data, settings.train.rows, settings.model, shape, layout, world, settings.train.scale);
  std::optional<FeatureWriter> writer;
  world.agree_on_root([&] {
    const std::string source =
        fmt::format("{} of '{}' (digest {})", name, model.named.file.string(), net_digest(model.net));
    const bool linear = shape.activations[layers - 1] == Activation::linear;
    writer.emplace(settings, shape.units[layers], linear ? ValueKind::numbers : ValueKind::amounts, source, data);
  });
  const auto append = [&](std::uint64_t first, ConstMatrixView features) { writer->append(first, features); };
  with_bar(settings.train.progress, "transforming", world, [&](const ProgressReport& progress) {
    net_outputs(model.net, layers, data.rows(), world, append, progress);
  });
  world.agree_on_root([&] {
    writer->finish();
    say("{}: {} of {} {}{}\n", settings.output.string(), plural(data.rows().rows, "row"), shape.units[layers], name,
        data.info().has_labels ? ", with labels" : "");
  });
}

}  // namespace

void run_transform(const std::vector<std::string>& arguments, const Communicator& world) {
  const auto parsed = parse_command("transform", arguments, transform_options().description(), {"model", "data"},
                                    transform_settings, transform_help, world);
  if (!parsed) return;
  const TransformSettings& settings = *parsed;
  const StartedCommand started(world, settings.train);
  NamedModel named = model_on_root(settings.model, world);
  if (world.maximum(named.model.net ? 1 : 0) > 0) {
    return transform_by_net(loaded_net(std::move(named), world), settings, started.layout, world);
  }
  const LoadedModel model(std::move(named), world, settings.layer);
  world.agree([&] {
    if (model.classes.empty()) return;
    throw Error(Failure::usage, fmt::format("'{}': layer {} has units for labels, so it has no features of data alone; "
                                            "--layer K takes one below it",
                                            settings.model.string(), model.below.size() + 1));
  });
  NodeSamples data = load_rows(settings.data, settings.train.rows, settings.model, model.shape_for_data(),
                               started.layout, world, settings.train.scale);
  std::optional<FeatureWriter> writer;
  world.agree_on_root([&] {
    writer.emplace(settings, model.rbm.shape().hidden, ValueKind::amounts, source_of(model, settings.features.sample),
                   data);
  });
  const auto append = [&](std::uint64_t first, ConstMatrixView features) { writer->append(first, features); };
  with_bar(settings.train.progress, "transforming", world, [&](const ProgressReport& progress) {
    hidden_features(model.stack(), data.rows(), settings.features, world, append, progress);
  });
  world.agree_on_root([&] {
    writer->finish();
    say("{}: {} of {} features{}\n", settings.output.string(), plural(data.rows().rows, "row"),
        model.rbm.shape().hidden, data.info().has_labels ? ", with labels" : "");
  });
}

}  // namespace rbmpi
