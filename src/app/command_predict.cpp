#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <optional>
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
#include "app/terminal.hpp"
#include "app/work_bar.hpp"
#include "rbmpi/core/error.hpp"
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
    {"output", "FILE", "the table to make (CSV)", [](auto& s, const std::string& text) { s.output = text; }},
    {"probabilities", nullptr, "also a column with the probability of each class",
     [](auto& s, const std::string&) { s.probabilities = true; }},
};

CommandOptions<PredictSettings> predict_options() {
  return {predict_own_options, predict_shared_keys};
}

constexpr const char* predict_usage = "predict MODEL DATA --output FILE";

std::string predict_help() {
  return "Labels the rows of a dataset with a classifier that `rbmpi finetune` made, as a table in Kaggle's form:\n"
         "ImageId,Label, with rows counted from 1. Labels in the dataset are not looked at.\n\n"
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
  check_output("output", settings.output, {settings.model, settings.data}, OutputKind::other);
  return settings;
}

/// The first of the largest probabilities.
std::size_t likeliest(std::span<const Real> probabilities) {
  return static_cast<std::size_t>(std::ranges::max_element(probabilities) - probabilities.begin());
}

/// The table, on the root.
class PredictionWriter {
 public:
  PredictionWriter(const PredictSettings& settings, std::vector<std::int32_t> classes)
      : probabilities_(settings.probabilities), classes_(std::move(classes)), file_(settings.output) {
    file_.write("ImageId,Label");
    if (probabilities_) file_.write(fmt::format(",Probability{}", fmt::join(classes_, ",Probability")));
    file_.write("\n");
  }

  /// Rows from number `first` on, counted from 0.
  void append(std::uint64_t first, ConstMatrixView probabilities) {
    fmt::memory_buffer text;
    for (std::size_t i = 0; i < probabilities.rows; ++i) {
      const std::span<const Real> row(probabilities.row(i), probabilities.columns);
      fmt::format_to(std::back_inserter(text), "{},{}", first + i + 1, classes_[likeliest(row)]);
      if (probabilities_) fmt::format_to(std::back_inserter(text), ",{:.6g}", fmt::join(row, ","));
      text.push_back('\n');
    }
    file_.write({text.data(), text.size()});
  }

  void finish() { file_.commit(); }

 private:
  bool probabilities_;
  std::vector<std::int32_t> classes_;
  AtomicFile file_;
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
  std::optional<PredictionWriter> writer;
  std::optional<WorkBar> bar;
  world.agree_on_root([&] {
    writer.emplace(settings, model.classes);
    bar.emplace(settings.train.progress, "predicting");
  });
  net_outputs(
      model.net, model.net.shape().layers(), data.rows(), world,
      [&](std::uint64_t first, ConstMatrixView probabilities) { writer->append(first, probabilities); },
      bar ? ProgressReport([&](double done) { bar->show(done); }) : ProgressReport());
  world.agree_on_root([&] {
    bar.reset();
    writer->finish();
    say("{}: {} of {}, by {}\n", settings.output.string(), plural(data.rows().rows, "label"), settings.data.string(),
        model.named.file.string());
  });
}

}  // namespace rbmpi
