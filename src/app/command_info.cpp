#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "app/configuration.hpp"
#include "app/dataset_info.hpp"
#include "app/model_info.hpp"
#include "app/options.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

po::options_description visible_info_options() {
  po::options_description options("Options");
  options.add_options()("json", "print one JSON object")("digest", "print only the digest")(
      "scale", po::value<std::string>(), "of a dataset: the value that means 1.0, or auto, as the file says")(
      "help", "this text");
  return options;
}

po::options_description all_info_options() {
  po::options_description options = visible_info_options();
  options.add_options()("file", po::value<std::string>(), "");
  return options;
}

void print_info_help() {
  std::ostringstream options;
  options << visible_info_options();
  put(stdout, fmt::format("Shows what a dataset, a model or a checkpoint holds.\n\n"
                          "Usage:\n"
                          "  rbmpi info FILE [--json | --digest] [--scale X]\n\n"
                          "Examples:\n"
                          "  rbmpi info train.h5\n"
                          "  rbmpi info --digest runs/a/model.h5\n\n"
                          "{}\n"
                          "The digest (SHA-256) is of the content: the samples, scale and labels of a dataset, the "
                          "parameters of a model.\n"
                          "Equal digests on two machines mean equal content, bit for bit.\n",
                          options.str()));
}

enum class Kind { dataset, model };

Kind kind_of(const fs::path& path) {
  const Hdf5File file = Hdf5File::open(path);
  const std::optional<std::string> format = file.text_attribute("/", "format");
  if (format == "rbmpi-dataset" || (!format && file.exists("/samples"))) return Kind::dataset;
  if (format == "rbmpi-model" || format == "rbmpi-net") return Kind::model;
  throw Error(Failure::file, fmt::format("'{}' is neither a dataset nor a model of rbmpi: {}", path.string(),
                                         format ? fmt::format("its format is '{}'", *format)
                                                : std::string("it has no attribute 'format' and no array '/samples'")));
}

}  // namespace

void run_info(const std::vector<std::string>& arguments, const Communicator& world) {
  po::variables_map values;
  TrainSettings settings;  // of it the scale
  world.agree([&] {
    po::positional_options_description positional;
    positional.add("file", 1);
    values = parse_arguments("info", arguments, all_info_options(), positional);
    if (values.count("help") != 0) return;
    const std::string see = " (rbmpi info --help shows the usage)";
    if (values.count("file") == 0) throw Error(Failure::usage, "no file given: rbmpi info FILE" + see);
    if (values.count("json") != 0 && values.count("digest") != 0)
      throw Error(Failure::usage, "--json and --digest exclude each other: the JSON has the digest" + see);
    if (values.count("scale") != 0) {
      set_from_option(settings, configuration_key("scale"), values["scale"].as<std::string>());
    }
  });
  std::signal(SIGPIPE, SIG_IGN);  // a reader that leaves, such as `head`, is no fault of the file
  world.agree_on_root([&] {
    if (values.count("help") != 0) return print_info_help();
    const fs::path path = values["file"].as<std::string>();
    static_cast<void>(read_in_child(path, [&] {
      const bool json = values.count("json") != 0;
      const bool digest_only = values.count("digest") != 0;
      if (kind_of(path) == Kind::dataset) {
        print_dataset_info(path, json, digest_only, settings.scale);
      } else {
        print_model_info(path, json, digest_only);
      }
      return std::string();
    }));
  });
}

}  // namespace rbmpi
