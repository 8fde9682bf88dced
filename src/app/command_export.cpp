#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "app/command_options.hpp"
#include "app/command_start.hpp"
#include "app/configuration.hpp"
#include "app/model_and_data.hpp"
#include "app/options.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/evaluate/gibbs_chains.hpp"
#include "rbmpi/model/model_exchange.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

struct ExportSettings {
  fs::path model;
  fs::path output;
  std::string format;
  std::uint64_t update = 1;
  std::size_t layer = 0;  ///< 0: the only one
  TrainSettings train;    ///< nothing of it
};

/// Makes the file from the model, and says in which way it is not the model alone, as in ", with 100 chains".
using Export = std::string (*)(const ExportSettings& settings, RbmView<const Real> rbm, const ChainStates* chains);

/// Local. With the chains that rbms wants to go on from: those of the training, or 100 of 100 steps, from noise.
std::string export_with_chains(const ExportSettings& settings, RbmView<const Real> rbm, const ChainStates* chains) {
  if (chains != nullptr) {
    export_rbms(settings.output, rbm, settings.update, chains->view());
    return fmt::format(", with the {} of its training", plural(chains->rows, "chain"));
  }
  run_gibbs_chains(rbm, {}, {.chains = 100, .steps = 100}, Communicator(), [&](const ChainRecord& record) {
    export_rbms(settings.output, rbm, settings.update, record.states);
  });
  return ", with 100 chains from noise";
}

struct Format {
  const char* name;
  const char* summary;
  Export make;
};
constexpr Format formats[] = {
    {"sklearn", "an .npz file with the attributes of scikit-learn's BernoulliRBM",
     [](const ExportSettings& settings, RbmView<const Real> rbm, const ChainStates*) {
       export_sklearn(settings.output, rbm);
       return std::string();
     }},
    {"rbms", "an HDF5 file of the Python package rbms", export_with_chains},
    {"npz", "an .npz file with weights, visible_bias and hidden_bias, for NumPy",
     [](const ExportSettings& settings, RbmView<const Real> rbm, const ChainStates*) {
       export_npz(settings.output, rbm);
       return std::string();
     }},
};

const Format& format_of(const std::string& name) {
  for (const Format& format : formats) {
    if (name == format.name) return format;
  }
  throw Error(Failure::usage, "must be one of sklearn, rbms, npz");
}

constexpr CommandOption<ExportSettings> export_own_options[] = {
    {"format", "sklearn|rbms|npz", "whose file it becomes",
     [](auto& s, const std::string& text) { s.format = format_of(text).name; }},
    {"output", "FILE", "the file to make; an old one of that name is replaced",
     [](auto& s, const std::string& text) { s.output = text; }},
    {"layer", "K", "of a stack: this one of its layers, the lowest being 1",
     [](auto& s, const std::string& text) { s.layer = parse_count(text, 1, 1000); }},
    {"update", "N", "rbms: the number of gradient updates that its group update_<N> claims [1]",
     [](auto& s, const std::string& text) {
       s.update = parse_count(text, 0, std::numeric_limits<std::int64_t>::max());
     }},
};

CommandOptions<ExportSettings> export_options() {
  return {export_own_options, {}};
}

constexpr const char* export_usage = "export MODEL --format FORMAT --output FILE";

std::string export_help() {
  std::string text =
      "Writes a model for another program.\n\nUsage:\n  rbmpi export MODEL --format FORMAT --output FILE\n\n"
      "MODEL is a model, a checkpoint, or the folder of a run.\n\nOptions:\n" +
      export_options().help() + "\nFormats:\n";
  for (const Format& format : formats) text += fmt::format("  {:<10} {}\n", format.name, format.summary);
  return text + "\nExample:\n  rbmpi export runs/a --format sklearn --output a.npz\n";
}

ExportSettings export_settings(const po::variables_map& values) {
  ExportSettings settings;
  settings.model = file_argument(values, "model", "model", export_usage);
  export_options().set(settings, values);
  if (settings.format.empty())
    throw Error(Failure::usage, "--format is missing: sklearn, rbms or npz" + see_help(export_usage));
  want_output(settings.output, "file", export_usage);
  if (values.count("update") != 0 && settings.format != "rbms") {
    throw Error(Failure::usage, "--update goes with --format rbms");
  }
  check_output("output", settings.output, {settings.model},
               settings.format == "rbms" ? OutputKind::hdf5 : OutputKind::other);
  return settings;
}

}  // namespace

void run_export(const std::vector<std::string>& arguments, const Communicator& world) {
  const auto parsed = parse_command("export", arguments, export_options().description(), {"model"}, export_settings,
                                    export_help, world);
  if (!parsed) return;
  const ExportSettings& settings = *parsed;
  const StartedCommand started(world, settings.train);
  const LoadedModel model(settings.model, world, settings.layer);
  world.agree_on_root([&] {
    const std::string rest = format_of(settings.format).make(settings, model.rbm, model.chains());
    say("{}: {} x {}, for {}{}\n", settings.output.string(), model.rbm.shape().visible, model.rbm.shape().hidden,
        settings.format, rest);
  });
}

}  // namespace rbmpi
