#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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
#include "app/work_bar.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/progress_report.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/data/sequence_weights.hpp"
#include "rbmpi/import/import.hpp"
#include "rbmpi/parallel/from_root.hpp"
#include "rbmpi/storage/atomic_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

struct ImportSettings {
  ImportOptions options;
  std::string csv;  ///< other words for FILE
  std::string idx_images;
  std::optional<NeighbourRule> reweight;  ///< sequences are weighed
  TrainSettings train;                    ///< of it threads and the style of the progress
};

double import_scale(const std::string& text) {
  const std::optional<double> scale = parse_number(text);
  if (!scale || !is_scale(*scale)) refuse("a positive number that single precision can hold would be right");
  return *scale;
}

std::optional<ElementType> parse_type(const std::string& text) {
  if (text == "auto") return std::nullopt;
  for (const ElementType type : {ElementType::uint8, ElementType::float32, ElementType::float64})
    if (text == element_name(type)) return type;
  refuse("uint8, float32, float64 or auto would be right");
}

std::vector<std::uint64_t> parse_shape(const std::string& text) {
  std::vector<std::uint64_t> shape = parse_picture(text);
  if (shape.empty()) refuse("height x width, such as 28x28, would be right");
  return shape;
}

char parse_separator(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, char>, 8> words = {{{"comma", ','},
                                                                       {"semicolon", ';'},
                                                                       {"tab", '\t'},
                                                                       {"\\t", '\t'},
                                                                       {"blank", ' '},
                                                                       {"blanks", ' '},
                                                                       {"bar", '|'},
                                                                       {"none", '\0'}}};
  for (const auto& [word, separator] : words)
    if (text == word) return separator;
  constexpr std::string_view no_separators = "\"\r\n#";
  const bool twice = text.size() == 2 && text[0] == text[1];
  if ((text.size() == 1 || twice) && no_separators.find(text[0]) == std::string::npos && text[0] > 0)
    return twice ? doubled_separator(text[0]) : text[0];
  refuse(
      "one character, twice the same as in '::', or comma, semicolon, tab, blank, bar, or none if each character is a "
      "column, would be right");
}

std::vector<std::pair<std::string, double>> parse_replaced(const std::string& text) {
  std::vector<std::pair<std::string, double>> replaced;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string item = text.substr(begin, end - begin);
    const std::size_t equals = item.rfind('=');
    const std::string new_value = equals == std::string::npos ? "" : item.substr(equals + 1);
    const auto by = new_value == "NA" ? std::numeric_limits<double>::quiet_NaN() : parse_number(new_value);
    if (!by || equals == 0)
      refuse(
          "VALUE=NUMBER, or VALUE=NA if it is missing, with commas between several, such as -1=0,1=1, would be right");
    replaced.emplace_back(item.substr(0, equals), *by);
    begin = end + 1;
  }
  return replaced;
}

DecimalMark parse_decimal(const std::string& text) {
  if (text == "point" || text == ".") return DecimalMark::said_point;
  if (text == "comma" || text == ",") return DecimalMark::said_comma;
  refuse("point or comma would be right");
}

MissingValues parse_missing(const std::string& text) {
  if (text == "zero") return MissingValues::zero;
  if (text == "drop-row") return MissingValues::drop_row;
  if (text == "mean") return MissingValues::mean;
  refuse("zero, drop-row or mean would be right");
}

UnknownLetters parse_unknown_letters(const std::string& text) {
  if (text == "gap") return UnknownLetters::gap;
  if (text == "drop-row") return UnknownLetters::drop_row;
  refuse("gap or drop-row would be right");
}

NeighbourRule parse_reweight(const std::string& text) {
  NeighbourRule rule;
  rule.above = text.starts_with('>') && !text.starts_with(">=");
  const std::optional<double> identity = parse_number(text.substr(rule.above ? 1 : text.starts_with(">=") ? 2 : 0));
  if (!identity) refuse("an identity from 0 to 1, such as 0.8, or '>0.8' where more than that counts, would be right");
  rule.identity = *identity;
  (void)least_equal_sites(rule, 1);
  return rule;
}

constexpr CommandOption<ImportSettings> import_own_options[] = {
    {"output", "FILE", "the dataset to make; an old file of that name is replaced",
     [](auto& s, const std::string& text) { s.options.output = text; }},
    {"label-column", "COLUMN", "which column has the labels, or none [one that is named so]",
     [](auto& s, const std::string& text) { s.options.label_column = text; }},
    {"columns", "LIST", "these columns alone are values [all that are nothing else]",
     [](auto& s, const std::string& text) { s.options.columns = text; }},
    {"drop", "LIST", "these columns are left out", [](auto& s, const std::string& text) { s.options.drop = text; }},
    {"name-column", "COLUMN", "which column names the rows, or none [an index]",
     [](auto& s, const std::string& text) { s.options.name_column = text; }},
    {"weight-column", "COLUMN", "which column has the weights of the rows, or none [an array that is named so]",
     [](auto& s, const std::string& text) { s.options.weight_column = text; }},
    {"one-hot-labels", "LIST", "the label is which of these columns is 1",
     [](auto& s, const std::string& text) { s.options.one_hot_labels = text; }},
    {"map", "OLD=NEW,...", "values, numbers or texts, and what they become; NA: missing",
     [](auto& s, const std::string& text) { s.options.replaced = parse_replaced(text); }},
    {"missing", "HOW", "missing values: zero, drop-row, or mean of the column [refused]",
     [](auto& s, const std::string& text) { s.options.missing = parse_missing(text); }},
    {"scale", "X", "the value that means 1.0 [1, 255, or the largest if that is whole and small]",
     [](auto& s, const std::string& text) { s.options.scale = import_scale(text); }},
    {"shape", "HxW", "the rows are pictures of this height and width",
     [](auto& s, const std::string& text) { s.options.shape = parse_shape(text); }},
    {"type", "TYPE", "uint8, float32, float64 or auto [auto: uint8 if that loses nothing]",
     [](auto& s, const std::string& text) { s.options.type = parse_type(text); }},
    {"sparse", nullptr, "store only what is not 0 [if the file does, and three in four are 0]",
     [](auto& s, const std::string&) { s.options.sparse = true; }},
    {"dense", nullptr, "store all values",
     [](auto& s, const std::string&) {
       if (s.options.sparse) refuse("--sparse and --dense exclude each other");
       s.options.sparse = false;
     }},
    {"encoding", "NAME", "of a text, such as windows-1250, gb18030 or shift_jis [UTF-8, UTF-16 or windows-1252]",
     [](auto& s, const std::string& text) { s.options.table.encoding = text; }},
    {"separator", "WHAT", "of a text: comma, semicolon, tab, blank, bar, none, a character, or two as ::",
     [](auto& s, const std::string& text) { s.options.table.separator = parse_separator(text); }},
    {"decimal", "MARK", "of a text: point or comma; the other one is between thousands [found out]",
     [](auto& s, const std::string& text) { s.options.table.decimal = parse_decimal(text); }},
    {"header", nullptr, "of a text: the first line names the columns",
     [](auto& s, const std::string&) { s.options.table.header = true; }},
    {"no-header", nullptr, "of a text: the first line is a row",
     [](auto& s, const std::string&) {
       if (s.options.table.header) refuse("--header and --no-header exclude each other");
       s.options.table.header = false;
     }},
    {"array", "NAME", "of a file with several arrays: the one with the rows",
     [](auto& s, const std::string& text) { s.options.table.array = text; }},
    {"labels", "NAME", "likewise: the one with the labels; of IDX and .npy their file; or none",
     [](auto& s, const std::string& text) { s.options.table.labels = text; }},
    {"transpose", nullptr, "the columns of the array are the rows",
     [](auto& s, const std::string&) { s.options.table.transpose = true; }},
    {"alphabet", "NAME", "of sequences: protein, rna, dna, or the letters themselves [found out]",
     [](auto& s, const std::string& text) { s.options.table.alphabet = text; }},
    {"unknown-letters", "HOW", "letters that the alphabet has not: gap, or drop-row [gap]",
     [](auto& s, const std::string& text) { s.options.table.unknown_letters = parse_unknown_letters(text); }},
    {"reweight", "IDENTITY",
     "weigh each sequence by 1 / those of at least this identity with it, 0.8, say; '>0.8': of more [not]",
     [](auto& s, const std::string& text) { s.reweight = parse_reweight(text); }},
    {"source", "TEXT", "where the data came from, kept in the dataset [the name of the file]",
     [](auto& s, const std::string& text) { s.options.source = text; }},
    {"csv", "FILE", "another word for FILE, which then has to be a text table",
     [](auto& s, const std::string& text) { s.csv = text; }},
    {"idx-images", "FILE", "another word for FILE, which then has to be IDX",
     [](auto& s, const std::string& text) { s.idx_images = text; }},
    {"idx-labels", "FILE", "another word for --labels",
     [](auto& s, const std::string& text) {
       if (!s.options.table.labels.empty()) refuse("--labels says the same");
       s.options.table.labels = text;
     }},
};

constexpr const char* import_shared_keys[] = {"threads", "progress"};

CommandOptions<ImportSettings> import_options() {
  return {import_own_options, import_shared_keys};
}

constexpr const char* import_usage = "import FILE --output FILE";

std::string import_help() {
  return "Makes a dataset of the table in a file, whatever the file is.\n\n"
         "Usage:\n"
         "  rbmpi import FILE [OPTION...] --output FILE\n\n"
         "FILE, or - for standard input, is a text with commas, semicolons, tabs, bars, blanks or nothing between its "
         "fields;\n"
         "LIBSVM; Matrix Market; FASTA; MNIST's IDX; NumPy's .npy and .npz; MATLAB's .mat; or HDF5; plain or packed.\n"
         "Which one it is follows from the content. What may be read in two ways is asked for, and what was assumed\n"
         "is said.\n\n"
         "A COLUMN is a name, a number counted from 1, or last (name:1 and number:1 where a number is both); a LIST\n"
         "has commas between them, and ranges of numbers: 1,3-785. A dataset has values from 0 to --scale, which "
         "means\n"
         "1.0: a unit is on, or a picture white.\n\n"
         "Options:\n" +
         import_options().help() +
         "\nExamples:\n"
         "  rbmpi import train.csv --shape 28x28 --output train.h5\n"
         "  rbmpi import table.csv --label-column last --drop id --output table.h5\n"
         "  rbmpi import spins.txt --output spins.h5\n"
         "  rbmpi import family.fasta.gz --reweight 0.8 --output family.h5\n"
         "  rbmpi import ratings.csv --missing zero --output ratings.h5\n"
         "  rbmpi import train-images-idx3-ubyte.gz --labels train-labels-idx1-ubyte.gz --output train.h5\n";
}

/// The file, by whichever of its names it is given.
fs::path file_of(const po::variables_map& values, ImportSettings& settings) {
  std::optional<std::pair<std::string, std::string>> given;
  const auto take = [&](const char* name, const std::string& file) {
    if (file.empty()) return;
    if (given) refuse(fmt::format("{} and {} exclude each other{}", given->first, name, see_help(import_usage)));
    given.emplace(name, file);
  };
  take("FILE", values.count("file") != 0 ? values["file"].as<std::string>() : std::string());
  take("--csv", settings.csv);
  take("--idx-images", settings.idx_images);
  if (!settings.csv.empty()) settings.options.table.format = "csv";
  if (!settings.idx_images.empty()) settings.options.table.format = "idx";
  return given ? fs::path(given->second) : file_argument(values, "file", "file", import_usage);
}

ImportSettings import_settings(const po::variables_map& values) {
  ImportSettings settings;
  import_options().set(settings, values);
  ImportOptions& options = settings.options;
  options.file = file_of(values, settings);
  if (options.label_column == "none" && options.table.labels.empty()) options.table.labels = "none";
  want_output(options.output, "dataset", import_usage);
  std::vector<fs::path> inputs = {options.file};
  if (!options.table.labels.empty()) inputs.emplace_back(options.table.labels);
  check_output("output", options.output, inputs, OutputKind::hdf5);
  return settings;
}

void report_import(const ImportOptions& options, const ImportResult& result) {
  const DatasetInfo& info = result.info;
  for (const std::string& note : result.notes) put(stderr, to_show("rbmpi: note: {}\n", note));
  say("{}: {}\n", options.file == "-" ? "standard input" : options.file.string(), result.kind);
  for (const std::string& columns : result.columns) say("  {}\n", columns);
  const std::string picture =
      info.picture.empty() ? std::string() : fmt::format(" (pictures of {})", fmt::join(info.picture, "x"));
  if (info.kind == ValueKind::colours)
    return say("{}: {} of {}, {} colours\n", options.output.string(), plural(info.rows, "sequence"),
               plural(info.columns, "site"), info.colours.count);
  say("{}: {} of {}{}, {}{}, {} means 1.0, {} labels\n", options.output.string(), plural(info.rows, "row"),
      plural(info.columns, "value"), picture, element_name(info.type), info.sparse ? ", sparse" : "", info.scale,
      info.has_labels ? "with" : "no");
}

void import_weighed(const ImportSettings& settings, const Communicator& world) {
  const StartedCommand started(world, settings.train);
  std::optional<AtomicFile> output;  // on the root, without weights yet
  std::optional<ImportResult> result;
  SequenceSource sequences;
  world.agree_on_root([&] {
    output.emplace(settings.options.output);
    result = import_in_child(settings.options, *output);
    if (result->info.kind != ValueKind::colours)
      throw Error(Failure::usage, fmt::format("--reweight goes with sequences (FASTA), and {} is {}",
                                              settings.options.file.string(), result->kind));
    sequences.rows = result->info.rows;
    sequences.columns = result->info.columns;
    const auto written = std::make_shared<DatasetReader>(output->temporary(), Values::any);
    sequences.read = [written](std::uint64_t first, std::uint64_t count, std::uint8_t* letters) {
      written->read_samples(first, count, letters);
    };
  });
  sequences.rows = from_root(sequences.rows, world);
  sequences.columns = from_root(sequences.columns, world);
  const SequenceWeights weights =
      with_bar(settings.train.progress, "comparing sequences", world, [&](const ProgressReport& progress) {
        return weigh_sequences(sequences, *settings.reweight, world, started.layout.node, progress);
      });
  sequences.read = nullptr;  // closes the file, which is written to now
  world.agree_on_root([&] {
    add_weights(*output, weights.weights());
    output->commit();
    result->info.has_weights = true;
    report_import(settings.options, *result);
    say("  weights by identity {} {}: as good as {:.1f} sequences that have no neighbours\n",
        settings.reweight->above ? "above" : "of at least", settings.reweight->identity, weights.effective_sequences());
  });
}

}  // namespace

void run_import(const std::vector<std::string>& arguments, const Communicator& world) {
  const auto settings =
      parse_command("import", arguments, import_options().description(), {"file"}, import_settings, import_help, world);
  if (!settings) return;
  if (settings->reweight) return import_weighed(*settings, world);
  world.agree_on_root([&] { report_import(settings->options, import_in_child(settings->options)); });
}

}  // namespace rbmpi
