#include <cstdio>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/command.hpp"
#include "app/model_info.hpp"
#include "app/options.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/data/dataset_summary.hpp"
#include "rbmpi/storage/contained_read.hpp"
#include "rbmpi/storage/file_version.hpp"
#include "rbmpi/storage/hdf5_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

po::options_description visible_info_options() {
  po::options_description options("Options");
  options.add_options()("json", "print one JSON object")("digest", "print only the digest")("help", "this text");
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
                          "  rbmpi info FILE [--json | --digest]\n\n"
                          "Examples:\n"
                          "  rbmpi info train.h5\n"
                          "  rbmpi info --digest runs/a/model.h5\n\n"
                          "{}\n"
                          "The digest (SHA-256) is of the content: the samples, scale and labels of a dataset, the "
                          "parameters of a model.\n"
                          "Equal digests on two machines mean equal content, bit for bit.\n",
                          options.str()));
}

nlohmann::ordered_json to_json(const DatasetInfo& info, const DatasetSummary& summary) {
  nlohmann::ordered_json labels;
  if (summary.labels) {
    labels = {{"count", summary.labels->count},
              {"classes", summary.labels->classes},
              {"minimum", summary.labels->minimum},
              {"maximum", summary.labels->maximum}};
  }
  nlohmann::ordered_json picture;
  if (!info.picture.empty()) picture = info.picture;
  return {{"format", "rbmpi-dataset"},       {"rows", info.rows},          {"columns", info.columns},
          {"type", element_name(info.type)}, {"scale", info.scale},        {"unbounded", info.unbounded},
          {"minimum", summary.minimum},      {"maximum", summary.maximum}, {"mean", summary.mean},
          {"zeros", summary.zeros},          {"picture", picture},         {"labels", labels},
          {"source", info.source},           {"digest", summary.digest}};
}

void print_for_people(const fs::path& path, const DatasetInfo& info, const DatasetSummary& summary) {
  print("{}: a dataset\n", path.string());
  print("  rows     {}\n", info.rows);
  print("  columns  {}{}\n", info.columns,
        info.picture.empty() ? "" : fmt::format(" (pictures of {})", fmt::join(info.picture, "x")));
  print("  type     {}, {}\n", element_name(info.type),
        info.unbounded ? "any numbers: to look at, not to train on" : fmt::format("{} means 1.0", info.scale));
  print("  range    {} to {}\n", summary.minimum, summary.maximum);
  print("  mean     {:.6g}{}\n", summary.mean, info.unbounded ? "" : " (1.0 is full)");
  print("  zeros    {:.2f} %\n", 100.0 * summary.zeros);
  if (summary.labels)
    print("  labels   {} different, {} to {}\n", summary.labels->classes, summary.labels->minimum,
          summary.labels->maximum);
  else
    print("  labels   none\n");
  if (!info.source.empty()) print("  source   {}\n", info.source);
  print("  digest   {}\n", summary.digest);
}

void print_dataset_info(const fs::path& path, bool json, bool digest_only) {
  const FileVersion version(path);
  const DatasetReader reader(path, Values::any);
  const DatasetSummary summary = summarise(reader);
  version.throw_if_changed();
  if (digest_only) {
    print("{}\n", summary.digest);
  } else if (json) {
    print_text(json_text(to_json(reader.info(), summary)) + '\n');
  } else {
    print_for_people(path, reader.info(), summary);
  }
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
  world.agree([&] {
    po::positional_options_description positional;
    positional.add("file", 1);
    values = parse_arguments("info", arguments, all_info_options(), positional);
    if (values.count("help") != 0) return;
    const std::string see = " (rbmpi info --help shows the usage)";
    if (values.count("file") == 0) throw Error(Failure::usage, "no file given: rbmpi info FILE" + see);
    if (values.count("json") != 0 && values.count("digest") != 0)
      throw Error(Failure::usage, "--json and --digest exclude each other: the JSON has the digest" + see);
  });
  world.agree_on_root([&] {
    if (values.count("help") != 0) return print_info_help();
    const fs::path path = values["file"].as<std::string>();
    static_cast<void>(read_in_child(path, [&] {
      const auto print_info = kind_of(path) == Kind::dataset ? print_dataset_info : print_model_info;
      print_info(path, values.count("json") != 0, values.count("digest") != 0);
      return std::string();
    }));
  });
}

}  // namespace rbmpi
