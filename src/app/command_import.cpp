#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "app/model_and_data.hpp"
#include "app/options.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/import/import.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

using Job = std::function<ImportResult()>;

[[noreturn]] void refuse_import(const std::string& message) {
  throw Error(Failure::usage, message + " (rbmpi import --help lists the options)");
}

po::options_description import_options() {
  po::options_description options("Options");
  auto add = options.add_options();
  const auto text = [](const char* name) { return po::value<std::string>()->value_name(name); };
  add("idx-images", text("FILE"), "images in MNIST's IDX format, plain or gzip");
  add("idx-labels", text("FILE"), "their labels, in the same format");
  add("csv", text("FILE"), "a table of numbers, plain or gzip: a row per line, the first line names the columns");
  add("label-column", text("COLUMN"),
      "which column of the table holds the labels: a name, a number counted from 1, or 'last' (default: none)");
  add("no-header", "the first line of the table is a row");
  add("scale", text("X"),
      "the value that means 1.0 (default: 1 if all values are in [0, 1], else 255 if all are whole and at most 255)");
  add("shape", text("HxW"), "the rows of the table are pictures of this height and width");
  add("type", text("TYPE"),
      "how values are stored: uint8, float32, float64 or auto (default: auto, uint8 if that loses nothing, else "
      "float32)");
  add("output", text("FILE"), "the dataset to make; an old file of that name is replaced");
  add("source", text("TEXT"), "where the data came from, kept in the dataset (default: the name of the file)");
  add("help", "this text");
  return options;
}

void print_import_help() {
  std::ostringstream options;
  options << import_options();
  put(stdout,
      fmt::format(
          "Makes a dataset, an HDF5 file with /samples and perhaps /labels, from IDX files or from CSV.\n\n"
          "Usage:\n"
          "  rbmpi import --idx-images FILE [--idx-labels FILE] --output FILE\n"
          "  rbmpi import --csv FILE [--label-column COLUMN] [--no-header] [--scale X] [--shape HxW] --output FILE\n\n"
          "Examples:\n"
          "  rbmpi import --idx-images train-images-idx3-ubyte.gz --idx-labels train-labels-idx1-ubyte.gz \\\n"
          "               --output train.h5\n"
          "  rbmpi import --csv train.csv --label-column label --shape 28x28 --output train.h5\n\n"
          "{}\n"
          "The files are read piece by piece and may be larger than the memory.\n",
          options.str()));
}

std::string text_of(const po::variables_map& values, const char* name) {
  return values.count(name) != 0 ? values[name].as<std::string>() : std::string();
}

std::optional<double> scale_of(const po::variables_map& values) {
  if (values.count("scale") == 0) return std::nullopt;
  const std::string text = text_of(values, "scale");
  const std::optional<double> scale = parse_number(text);
  if (!scale || !is_scale(*scale))
    refuse_import(
        fmt::format("--scale is '{}'; a positive number that single precision can hold would be right", text));
  return scale;
}

std::vector<std::uint64_t> shape_of(const po::variables_map& values) {
  if (values.count("shape") == 0) return {};
  const std::string text = text_of(values, "shape");
  std::vector<std::uint64_t> shape = parse_picture(text);
  if (shape.empty()) refuse_import(fmt::format("--shape is '{}'; height x width, such as 28x28, would be right", text));
  return shape;
}

std::optional<ElementType> type_of(const po::variables_map& values) {
  const std::string text = text_of(values, "type");
  if (text.empty() || text == "auto") return std::nullopt;
  for (const ElementType type : {ElementType::uint8, ElementType::float32, ElementType::float64})
    if (text == element_name(type)) return type;
  refuse_import(fmt::format("--type is '{}'; uint8, float32, float64 or auto would be right", text));
}

Job prepare_idx(const po::variables_map& values) {
  IdxImport import;
  import.images = text_of(values, "idx-images");
  if (values.count("idx-labels") != 0) import.labels = text_of(values, "idx-labels");
  import.output = text_of(values, "output");
  import.source = text_of(values, "source");
  return [import] { return import_idx(import); };
}

Job prepare_csv(const po::variables_map& values) {
  CsvImport import;
  import.csv = text_of(values, "csv");
  import.header = values.count("no-header") == 0;
  import.label_column = text_of(values, "label-column");
  import.scale = scale_of(values);
  import.type = type_of(values);
  import.picture = shape_of(values);
  import.output = text_of(values, "output");
  import.source = text_of(values, "source");
  return [import] { return import_csv(import); };
}

/// One kind of input: the option that names the file, and the options that go with no other kind.
struct Importer {
  const char* option;
  std::vector<const char*> own_options;
  Job (*prepare)(const po::variables_map& values);
};

const std::vector<Importer>& importers() {
  static const std::vector<Importer> table = {
      {"idx-images", {"idx-labels"}, prepare_idx},
      {"csv", {"label-column", "no-header", "scale", "shape", "type"}, prepare_csv},
  };
  return table;
}

const Importer& choose_importer(const po::variables_map& values) {
  const Importer* chosen = nullptr;
  for (const Importer& importer : importers()) {
    if (values.count(importer.option) == 0) continue;
    if (chosen != nullptr)
      refuse_import(fmt::format("--{} and --{} exclude each other", chosen->option, importer.option));
    chosen = &importer;
  }
  if (chosen == nullptr) refuse_import("there is nothing to import; --idx-images FILE or --csv FILE would be right");
  for (const Importer& importer : importers()) {
    for (const char* option : importer.own_options)
      if (&importer != chosen && values.count(option) != 0)
        refuse_import(fmt::format("--{} goes with --{}, not with --{}", option, importer.option, chosen->option));
  }
  return *chosen;
}

// Everything about the options is settled here, before a file is touched.
Job prepare(const po::variables_map& values) {
  const Importer& importer = choose_importer(values);
  const fs::path output = text_of(values, "output");
  if (output.empty()) refuse_import("--output FILE is missing: the dataset to make");
  std::vector<fs::path> inputs;
  for (const char* input : {"idx-images", "idx-labels", "csv"}) {
    if (values.count(input) != 0) inputs.emplace_back(text_of(values, input));
  }
  check_output("output", output, inputs, OutputKind::hdf5);
  return importer.prepare(values);
}

void report(const ImportResult& result, const std::string& output) {
  const DatasetInfo& info = result.info;
  const std::string picture =
      info.picture.empty() ? std::string() : fmt::format(" (pictures of {})", fmt::join(info.picture, "x"));
  say("{}: {} of {}{}, {}, {} means 1.0, {} labels\n", output, plural(info.rows, "row"), plural(info.columns, "value"),
      picture, element_name(info.type), info.scale, info.has_labels ? "with" : "no");
  for (const std::string& note : result.notes) put(stderr, to_show("rbmpi: note: {}\n", note));
}

}  // namespace

void run_import(const std::vector<std::string>& arguments, const Communicator& world) {
  po::variables_map values;
  Job job;
  world.agree([&] {
    values = parse_arguments("import", arguments, import_options());
    if (values.count("help") == 0) job = prepare(values);
  });
  world.agree_on_root([&] {
    if (values.count("help") != 0) return print_import_help();
    report(job(), text_of(values, "output"));
  });
}

}  // namespace rbmpi
