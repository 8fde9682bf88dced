#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iterator>
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
#include "rbmpi/core/interruption.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/storage/atomic_file.hpp"
#include "rbmpi/storage/contained_read.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

struct ExportDataSettings {
  fs::path data;
  fs::path output;
  std::string format;
  TrainSettings train;  ///< nothing of it
};

/// In a file of lines a name with the end of one would be two.
void refuse_line_in_name(const DatasetReader& dataset, std::uint64_t row, const std::string& name) {
  if (name.find_first_of("\r\n") == std::string::npos) return;
  throw Error(Failure::file,
              fmt::format("'{}': the name of row {} (counted from 0), '{}', has more than one line; one line "
                          "would be right",
                          dataset.path().string(), row, name));
}

/// One sequence after the other: ">NAME" and a line of letters. Rows without names are numbered from 1.
void write_fasta(const DatasetReader& dataset, AtomicFile& file) {
  const DatasetInfo& info = dataset.info();
  if (info.colours.alphabet.empty()) {
    throw Error(Failure::file, fmt::format("'{}' has no letters: a dataset of sequences, whose '/samples' has the "
                                           "attributes 'colours' and 'alphabet', would be right",
                                           dataset.path().string()));
  }
  if (!std::ranges::all_of(info.colours.alphabet, is_column_letter)) {
    throw Error(Failure::file, fmt::format("'{}' has the letters '{}', of which FASTA can hold '-', '*' and A to Z",
                                           dataset.path().string(), info.colours.alphabet));
  }
  std::vector<std::uint8_t> colours;
  in_whole_chunks(info.sample_chunks, {0, info.rows}, work_of_a_call, [&](Shard piece) {
    throw_if_stopped("writing sequences");
    colours.resize(piece.count * info.columns);
    dataset.read_samples(piece.first, piece.count, colours.data());
    const std::vector<std::string> names =
        info.has_row_names ? dataset.read_row_names(piece.first, piece.count) : std::vector<std::string>();
    std::string text;
    for (std::uint64_t row = 0; row < piece.count; ++row) {
      if (!names.empty()) refuse_line_in_name(dataset, piece.first + row, names[row]);
      text += names.empty() ? fmt::format(">{}\n", piece.first + row + 1) : fmt::format(">{}\n", names[row]);
      const auto begin = colours.begin() + static_cast<std::ptrdiff_t>(row * info.columns);
      std::transform(begin, begin + static_cast<std::ptrdiff_t>(info.columns), std::back_inserter(text),
                     [&](std::uint8_t colour) { return info.colours.alphabet[colour]; });
      text += '\n';
    }
    file.write(text);
  });
}

struct DataFormat {
  const char* name;
  const char* summary;
  void (*write)(const DatasetReader& dataset, AtomicFile& file);
};
constexpr DataFormat data_formats[] = {{"fasta", "sequences of letters, with their names", write_fasta}};

const DataFormat& data_format_of(const std::string& name) {
  for (const DataFormat& format : data_formats) {
    if (name == format.name) return format;
  }
  throw Error(Failure::usage, "must be fasta");
}

constexpr CommandOption<ExportDataSettings> export_data_own_options[] = {
    {"format", "fasta", "what it becomes",
     [](auto& s, const std::string& text) { s.format = data_format_of(text).name; }},
    {"output", "FILE", "the file to make; an old one of that name is replaced",
     [](auto& s, const std::string& text) { s.output = text; }},
};

CommandOptions<ExportDataSettings> export_data_options() {
  return {export_data_own_options, {}};
}

constexpr const char* export_data_usage = "export-data DATASET --format FORMAT --output FILE";

std::string export_data_help() {
  std::string text =
      "Writes a dataset of sequences for other programs.\n\nUsage:\n"
      "  rbmpi export-data DATASET --format FORMAT --output FILE\n\nOptions:\n" +
      export_data_options().help() + "\nFormats:\n";
  for (const DataFormat& format : data_formats) text += fmt::format("  {:<10} {}\n", format.name, format.summary);
  return text + "\nExample:\n  rbmpi export-data family.h5 --format fasta --output family.fasta\n";
}

ExportDataSettings export_data_settings(const po::variables_map& values) {
  ExportDataSettings settings;
  settings.data = file_argument(values, "data", "dataset", export_data_usage);
  export_data_options().set(settings, values);
  if (settings.format.empty()) throw Error(Failure::usage, "--format is missing: fasta" + see_help(export_data_usage));
  want_output(settings.output, "file", export_data_usage);
  check_output("output", settings.output, {settings.data}, OutputKind::other);
  return settings;
}

}  // namespace

void run_export_data(const std::vector<std::string>& arguments, const Communicator& world) {
  const auto settings = parse_command("export-data", arguments, export_data_options().description(), {"data"},
                                      export_data_settings, export_data_help, world);
  if (!settings) return;
  world.agree_on_root([&] {
    const std::string done = read_in_child(settings->data, [&] {
      const DatasetReader dataset(settings->data, Values::any);
      AtomicFile file(settings->output);
      data_format_of(settings->format).write(dataset, file);
      file.commit();
      return fmt::format("{} of {}", plural(dataset.info().rows, "row"), plural(dataset.info().columns, "value"));
    });
    say("{}: {}, as {}\n", settings->output.string(), done, settings->format);
  });
}

}  // namespace rbmpi
