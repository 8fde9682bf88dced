#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/command.hpp"
#include "app/command_options.hpp"
#include "app/command_start.hpp"
#include "app/configuration.hpp"
#include "app/loaded_net.hpp"
#include "app/model_and_data.hpp"
#include "app/row_names.hpp"
#include "app/row_table.hpp"
#include "app/terminal.hpp"
#include "app/work_bar.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/data/dataset_file.hpp"
#include "rbmpi/evaluate/net_outputs.hpp"
#include "rbmpi/storage/atomic_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

struct PredictSettings {
  fs::path model;
  fs::path data;
  fs::path output;
  bool probabilities = false;
  TrainSettings train;  ///< of it the shared keys
};

constexpr const char* predict_shared_keys[] = {"rows", "scale", "threads", "progress", "hang-timeout"};

constexpr CommandOption<PredictSettings> predict_own_options[] = {
    {"output", "FILE", "the table to make: CSV, or a dataset of probabilities if it ends in .h5 or .hdf5",
     [](auto& s, const std::string& text) { s.output = text; }},
    {"probabilities", nullptr, "also a column with the probability of each class",
     [](auto& s, const std::string&) { s.probabilities = true; }},
};

CommandOptions<PredictSettings> predict_options() {
  return {predict_own_options, predict_shared_keys};
}

constexpr const char* predict_usage = "predict MODEL DATA --output FILE";

std::string predict_help() {
  return "Labels the rows of a dataset with a classifier that `rbmpi finetune` made, as a table in Kaggle's form:\n"
         "ImageId,Label, with rows counted from 1; a column `name` before them if the rows have names. Classes that "
         "had\n"
         "names when the classifier was trained are called by them. Labels in the dataset are not looked at.\n\n"
         "Usage:\n"
         "  rbmpi predict MODEL DATA --output FILE [OPTIONS]\n"
         "  mpirun -n RANKS rbmpi predict MODEL DATA --output FILE [OPTIONS]\n\n"
         "MODEL is a model, a checkpoint, or the folder of a run: its best.h5, if it has one, else its newest "
         "checkpoint.\n\n"
         "Options:\n" +
         predict_options().help() + "\nExample:\n  mpirun -n 2 rbmpi predict runs/b test.h5 --output submission.csv\n";
}

PredictSettings predict_settings(const po::variables_map& values) {
  PredictSettings settings;
  settings.model = file_argument(values, "model", "model", predict_usage);
  settings.data = file_argument(values, "data", "dataset", predict_usage);
  predict_options().set(settings, values);
  want_output(settings.output, "table", predict_usage);
  check_output("output", settings.output, {settings.model, settings.data},
               names_hdf5_table(settings.output) ? OutputKind::hdf5 : OutputKind::other);
  return settings;
}

/// The first of the largest probabilities.
std::size_t likeliest(std::span<const Real> probabilities) {
  return static_cast<std::size_t>(std::ranges::max_element(probabilities) - probabilities.begin());
}

/// What is predicted, on the root. Classes and rows that have names have them in it.
class PredictionWriter {
 public:
  virtual ~PredictionWriter() = default;
  /// Rows from number `first` on, counted from 0.
  virtual void append(std::uint64_t first, ConstMatrixView probabilities) = 0;
  virtual void finish() = 0;
};

/// A table of CSV.
class PredictionTable : public PredictionWriter {
 public:
  PredictionTable(const PredictSettings& settings, const LoadedNet& model, const DatasetInfo& info)
      : probabilities_(settings.probabilities), row_names_(settings.data, info), file_(settings.output) {
    const std::vector<std::string>& names = model.named.model.class_names;
    std::string heading = row_names_.there() ? "name,ImageId,Label" : "ImageId,Label";
    for (std::size_t k = 0; k < model.classes.size(); ++k) {
      const std::string name = names.empty() ? fmt::format("{}", model.classes[k]) : names[k];
      classes_.push_back(csv_field(name));
      if (probabilities_) heading += "," + csv_field("Probability" + name);
    }
    file_.write(heading + "\n");
  }

  void append(std::uint64_t first, ConstMatrixView probabilities) override {
    fmt::memory_buffer text;
    const std::vector<std::string> names = row_names_.of(first, probabilities.rows);
    for (std::size_t i = 0; i < probabilities.rows; ++i) {
      const std::span<const Real> row(probabilities.row(i), probabilities.columns);
      if (!names.empty()) fmt::format_to(std::back_inserter(text), "{},", csv_field(names[i]));
      fmt::format_to(std::back_inserter(text), "{},{}", first + i + 1, classes_[likeliest(row)]);
      if (probabilities_) fmt::format_to(std::back_inserter(text), ",{:.6g}", fmt::join(row, ","));
      text.push_back('\n');
    }
    file_.write({text.data(), text.size()});
  }

  void finish() override { file_.commit(); }

 private:
  bool probabilities_;
  RowNames row_names_;
  std::vector<std::string> classes_;  ///< their names or numbers, as fields of CSV
  AtomicFile file_;
};

/// A dataset: the probabilities of the classes, with the likeliest ones as labels.
class PredictionDataset : public PredictionWriter {
 public:
  PredictionDataset(const PredictSettings& settings, const LoadedNet& model, const NodeSamples& data)
      : row_names_(settings.data, data.info()),
        classes_(model.classes),
        writer_(settings.output, info(settings, model, data, row_names_)) {}

  void append(std::uint64_t first, ConstMatrixView probabilities) override {
    std::vector<std::int32_t> labels;
    for (std::size_t i = 0; i < probabilities.rows; ++i) {
      labels.push_back(classes_[likeliest({probabilities.row(i), probabilities.columns})]);
    }
    const std::vector<std::string> names = row_names_.of(first, probabilities.rows);
    writer_.append(
        {.count = probabilities.rows, .samples = probabilities.values, .labels = labels.data(), .names = names});
  }

  void finish() override { writer_.finish(); }

 private:
  static DatasetInfo info(const PredictSettings& settings, const LoadedNet& model, const NodeSamples& data,
                          const RowNames& row_names) {
    const std::vector<std::string>& names = model.named.model.class_names;
    DatasetInfo info;
    info.type = ElementType::float32;
    info.rows = data.rows().rows;
    info.columns = model.classes.size();
    info.scale = 1.0;
    info.has_labels = true;
    info.row_name_bytes = row_names.longest();
    info.source = fmt::format("probabilities of classes by '{}' (digest {}) for '{}' (digest {})",
                              model.named.file.string(), net_digest(model.net), settings.data.string(), data.digest());
    for (std::size_t k = 0; k < model.classes.size(); ++k) {
      const auto label = static_cast<std::size_t>(model.classes[k]);
      info.column_names.push_back(names.empty() ? fmt::format("{}", label) : names[k]);
      if (names.empty() || label >= most_named) continue;
      // Those of the labels 0, 1, ...: what is no class of the model is called by its number.
      while (info.class_names.size() <= label) info.class_names.push_back(fmt::format("{}", info.class_names.size()));
      info.class_names[label] = names[k];
    }
    return info;
  }

  static constexpr std::size_t most_named = 1U << 20U;  ///< labels beyond that are numbers to whoever reads them
  RowNames row_names_;
  std::vector<std::int32_t> classes_;
  DatasetWriter writer_;
};

}  // namespace

void run_predict(const std::vector<std::string>& arguments, const Communicator& world) {
  const auto parsed = parse_command("predict", arguments, predict_options().description(), {"model", "data"},
                                    predict_settings, predict_help, world);
  if (!parsed) return;
  const PredictSettings& settings = *parsed;
  const StartedCommand started(world, settings.train);
  NamedModel named = model_on_root(settings.model, world);
  const LoadedNet model = loaded_net(std::move(named), world);
  world.agree_on_root([&] {
    if (model.is_classifier()) return;
    throw Error(Failure::file,
                fmt::format("'{}' is an autoencoder: it has no classes to predict; rbmpi transform makes "
                            "its codes",
                            model.named.file.string()));
  });
  NodeSamples data = load_rows(settings.data, settings.train.rows, settings.model, model.net.shape(), started.layout,
                               world, settings.train.scale);
  std::unique_ptr<PredictionWriter> writer;
  world.agree_on_root([&] {
    if (names_hdf5_table(settings.output)) {
      writer = std::make_unique<PredictionDataset>(settings, model, data);
    } else {
      writer = std::make_unique<PredictionTable>(settings, model, data.info());
    }
  });
  const auto append = [&](std::uint64_t first, ConstMatrixView probabilities) { writer->append(first, probabilities); };
  with_bar(settings.train.progress, "predicting", world, [&](const ProgressReport& progress) {
    net_outputs(model.net, model.net.shape().layers(), data.rows(), world, append, progress);
  });
  world.agree_on_root([&] {
    writer->finish();
    say("{}: {} of {}, by {}\n", settings.output.string(), plural(data.rows().rows, "label"), settings.data.string(),
        model.named.file.string());
  });
}

}  // namespace rbmpi
