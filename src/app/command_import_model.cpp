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
#include "app/model_and_data.hpp"
#include "app/options.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/shell_word.hpp"
#include "rbmpi/core/version.hpp"
#include "rbmpi/model/model_exchange.hpp"
#include "rbmpi/model/model_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

struct ImportModelSettings {
  fs::path file;
  fs::path output;
  std::optional<std::uint64_t> update;
  TrainSettings train;  ///< nothing of it
};

constexpr CommandOption<ImportModelSettings> import_model_own_options[] = {
    {"output", "FILE", "the model to make; an old one of that name is replaced",
     [](auto& s, const std::string& text) { s.output = text; }},
    {"update", "N", "rbms: the model after N gradient updates [the newest]",
     [](auto& s, const std::string& text) {
       s.update = parse_count(text, 0, std::numeric_limits<std::uint64_t>::max());
     }},
};

CommandOptions<ImportModelSettings> import_model_options() {
  return {import_model_own_options, {}};
}

constexpr const char* import_model_usage = "import-model FILE --output FILE";

std::string import_model_help() {
  return "Makes a model of another program's file.\n\n"
         "Usage:\n"
         "  rbmpi import-model FILE --output FILE [--update N]\n\n"
         "FILE is an .npz file of NumPy's with components_, intercept_hidden_ and intercept_visible_, the attributes "
         "of\nscikit-learn's BernoulliRBM, or with weights, visible_bias and hidden_bias; or an HDF5 file of the "
         "Python\n"
         "package rbms. Which one it is follows from the content.\n\n"
         "Options:\n" +
         import_model_options().help() + "\nExample:\n  rbmpi import-model a.npz --output a.h5\n";
}

ImportModelSettings import_model_settings(const po::variables_map& values) {
  ImportModelSettings settings;
  settings.file = file_argument(values, "file", "file", import_model_usage);
  import_model_options().set(settings, values);
  want_output(settings.output, "model", import_model_usage);
  check_output("output", settings.output, {settings.file}, OutputKind::hdf5);
  return settings;
}

}  // namespace

void run_import_model(const std::vector<std::string>& arguments, const Communicator& world) {
  const auto parsed = parse_command("import-model", arguments, import_model_options().description(), {"file"},
                                    import_model_settings, import_model_help, world);
  if (!parsed) return;
  const ImportModelSettings& settings = *parsed;
  world.agree_on_root([&] {
    ImportedModel imported = import_model(settings.file, settings.update);
    Model model;
    model.layers.push_back(std::move(imported.rbm));
    const std::uint64_t chains = imported.chains.rows;
    if (chains > 0) model.chains[0] = std::move(imported.chains);
    model.provenance = {
        {"program", fmt::format("rbmpi {}", version())},
        {"command", fmt::format("rbmpi import-model {} ({})", shell_word(settings.file.string()), imported.origin)}};
    save_model(settings.output, model);
    const RbmShape shape = model.layers.front().shape();
    say("{}: {} x {}, from {}{}\ndigest {}\n", settings.output.string(), shape.visible, shape.hidden, imported.origin,
        chains > 0 ? ", with its " + plural(chains, "chain") : "", model_digest(model.layers));
  });
}

}  // namespace rbmpi
