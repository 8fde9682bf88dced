#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/command.hpp"
#include "app/configuration.hpp"
#include "app/hang.hpp"
#include "app/layout.hpp"
#include "app/named_model.hpp"
#include "app/options.hpp"
#include "app/progress.hpp"
#include "app/share_bar.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/data/node_samples.hpp"
#include "rbmpi/evaluate/data_scores.hpp"
#include "rbmpi/parallel/watchdog.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

/// Keys of `train` that matter here, with its texts and limits.
constexpr const char* shared_keys[] = {"rows", "threads", "progress", "hang-timeout"};

struct EvaluateSettings {
  fs::path model;
  fs::path data;
  TrainSettings train;  ///< of it the shared keys
  ScoreSettings scores;
  bool json = false;
};

Binarise binarise_of(const std::string& text) {
  if (text == "none") return Binarise::none;
  if (text == "threshold") return Binarise::threshold;
  if (text == "sample") return Binarise::sample;
  throw Error(Failure::usage, "must be one of none, threshold, sample");
}

const char* name_of(Binarise binarise) {
  return binarise == Binarise::none ? "none" : binarise == Binarise::threshold ? "threshold" : "sample";
}

/// An option of this command alone.
struct EvaluateOption {
  const char* name;
  const char* value;
  const char* help;
  /// Throws Error(Failure::usage) with what would be right.
  void (*set)(EvaluateSettings& settings, const std::string& text);
};

constexpr EvaluateOption own_options[] = {
    {"binarise", "none|threshold|sample",
     "values between 0 and 1: as they are, 1 from 0.5 on, or drawn with the value as probability [sample]",
     [](EvaluateSettings& s, const std::string& text) { s.scores.rows.binarise = binarise_of(text); }},
    {"seed", "N", "of all random numbers [1]",
     [](EvaluateSettings& s, const std::string& text) {
       s.scores.rows.seed = parse_count(text, 0, std::numeric_limits<std::uint64_t>::max());
     }},
};

po::options_description all_options() {
  po::options_description options;
  options.add_options()("help", "")("json", "")("model", po::value<std::string>(), "")("data", po::value<std::string>(),
                                                                                       "");
  for (const EvaluateOption& option : own_options) options.add_options()(option.name, po::value<std::string>(), "");
  for (const char* const key : shared_keys) options.add_options()(key, po::value<std::string>(), "");
  return options;
}

std::string help() {
  std::string text =
      "Says how good a model is on a dataset, in double precision: the same figures on any number of ranks.\n\n"
      "Usage:\n"
      "  rbmpi evaluate MODEL DATA [OPTIONS]\n"
      "  mpirun -n RANKS rbmpi evaluate MODEL DATA [OPTIONS]\n\n"
      "MODEL is a model, a checkpoint, or the folder of a run: its newest checkpoint, while it goes on too.\n\n"
      "Options:\n";
  const EvaluateSettings defaults;
  for (const EvaluateOption& option : own_options) {
    text += fmt::format("  --{:<36} {}\n", fmt::format("{} {}", option.name, option.value), option.help);
  }
  for (const char* const key : shared_keys) text += configuration_help(configuration_key(key), defaults.train);
  text += fmt::format("  --{:<36} {}\n", "json", "print one JSON object");
  text += "\nExample:\n  mpirun -n 2 rbmpi evaluate runs/a test.h5\n";
  return text;
}

EvaluateSettings settings_of(const po::variables_map& values) {
  const std::string see = " (rbmpi evaluate --help shows the usage)";
  EvaluateSettings settings;
  if (values.count("model") == 0) throw Error(Failure::usage, "no model given: rbmpi evaluate MODEL DATA" + see);
  if (values.count("data") == 0) throw Error(Failure::usage, "no dataset given: rbmpi evaluate MODEL DATA" + see);
  settings.model = values["model"].as<std::string>();
  settings.data = values["data"].as<std::string>();
  settings.json = values.count("json") != 0;
  for (const char* const key : shared_keys) {
    if (values.count(key) == 0) continue;
    set_from_option(settings.train, configuration_key(key), values[key].as<std::string>());
  }
  for (const EvaluateOption& option : own_options) {
    if (values.count(option.name) == 0) continue;
    const std::string text = values[option.name].as<std::string>();
    try {
      option.set(settings, text);
    } catch (const Error& error) {
      throw Error(error.failure(), fmt::format("option --{0}: {0} = {1}: {2}", option.name, text, error.what()));
    }
  }
  if (settings.json) settings.train.progress = ProgressStyle::off;
  return settings;
}

/// The model and the data that it is evaluated on.
struct Evaluated {
  NamedModel named;
  Rbm rbm;
  NodeSamples data;
};

/// Collective.
Evaluated load(const EvaluateSettings& settings, const Layout& layout, const Communicator& world) {
  NamedModel named;
  world.agree_on_root([&] {
    now_doing("reading the model");
    named = load_named_model(settings.model);
  });
  Rbm rbm = only_layer(named, world);
  const auto other_memory = [&](const DatasetInfo& info) -> std::uint64_t {
    if (info.columns == rbm.shape().visible) return 0;
    throw Error(
        Failure::file,
        fmt::format("the model does not fit the data: '{}' has {} visible x {} hidden units, '{}' has {} rows x "
                    "{} columns",
                    settings.model.string(), rbm.shape().visible, rbm.shape().hidden, settings.data.string(), info.rows,
                    info.columns));
  };
  NodeSamples data(world, layout.node, settings.data, settings.train.rows, other_memory);
  return {.named = std::move(named), .rbm = std::move(rbm), .data = std::move(data)};
}

/// What is shown of a work that goes on, on the root; the others have nothing to show.
template <typename Work>
auto with_bar(const EvaluateSettings& settings, const Communicator& world, const char* name, const Work& work) {
  std::optional<ShareBar> bar;
  if (world.is_root()) bar.emplace(settings.train.progress, name);
  return work(bar ? ProgressReport([&](double done) { bar->show(done); }) : ProgressReport());
}

void print_beginning(const EvaluateSettings& settings, const Evaluated& evaluated) {
  const RbmShape shape = evaluated.rbm.shape();
  const Samples& samples = evaluated.data.samples();
  const auto& progress = evaluated.named.progress;
  say("  model             {}: {} x {}{}\n", evaluated.named.file.string(), shape.visible, shape.hidden,
      progress ? fmt::format(", a checkpoint after {}", plural(progress->steps, "step")) : "");
  say("  data              {}: {} x {}{}\n", settings.data.string(), plural(samples.rows, "row"), samples.columns,
      settings.scores.rows.binarise == Binarise::none     ? ""
      : settings.scores.rows.binarise == Binarise::sample ? ", zeros and ones drawn with the values as probabilities"
                                                          : ", 1 from 0.5 on, else 0");
}

void print_mean(const char* name, const RowMean& score, const char* unit) {
  say("  {:<17} {:.6g} +- {:.2g} {}\n", name, score.mean, score.standard_error, unit);
}

void print_scores(const DataScores& scores) {
  if (scores.grey_rows > 0) {
    say("  note              {} of {} have values other than 0 and 1: likelihoods of such rows are no probabilities\n",
        scores.grey_rows, plural(scores.rows, "row"));
  }
  print_mean("reconstruction", *scores.reconstruction_mse, "(mean squared error)");
  print_mean("cross-entropy", *scores.cross_entropy, "nats a row");
  print_mean("free energy", scores.free_energy, "nats a row");
  print_mean("pseudo-likelihood", *scores.full_pseudo_likelihood, "nats a row");
  print_mean("  stochastic", *scores.pseudo_likelihood, "nats a row, from one unit of each");
}

nlohmann::ordered_json to_json(const RowMean& score) {
  return {{"mean", score.mean}, {"standard_error", score.standard_error}};
}

nlohmann::ordered_json to_json(const EvaluateSettings& settings, const Evaluated& evaluated, const DataScores& scores) {
  return {{"model", evaluated.named.file.string()},
          {"visible", evaluated.rbm.shape().visible},
          {"hidden", evaluated.rbm.shape().hidden},
          {"model_digest", model_digest(evaluated.named.model.layers)},
          {"steps", evaluated.named.progress ? nlohmann::ordered_json(evaluated.named.progress->steps)
                                             : nlohmann::ordered_json()},
          {"data", settings.data.string()},
          {"data_digest", evaluated.data.digest()},
          {"rows", scores.rows},
          {"binarise", name_of(settings.scores.rows.binarise)},
          {"grey_rows", scores.grey_rows},
          {"seed", settings.scores.rows.seed},
          {"reconstruction_mse", to_json(*scores.reconstruction_mse)},
          {"cross_entropy", to_json(*scores.cross_entropy)},
          {"free_energy", to_json(scores.free_energy)},
          {"pseudo_likelihood", to_json(*scores.full_pseudo_likelihood)},
          {"stochastic_pseudo_likelihood", to_json(*scores.pseudo_likelihood)}};
}

}  // namespace

void run_evaluate(const std::vector<std::string>& arguments, const Communicator& world) {
  po::variables_map values;
  EvaluateSettings settings;
  world.agree([&] {
    po::positional_options_description positional;
    positional.add("model", 1).add("data", 1);
    values = parse_arguments("evaluate", arguments, all_options(), positional);
    if (values.count("help") == 0) settings = settings_of(values);
  });
  if (values.count("help") != 0) {
    if (world.is_root()) say("{}", help());
    return;
  }
  const Watchdog watchdog(world, std::chrono::seconds(settings.train.hang_timeout), end_hanging_job);
  const Layout layout = arrange(world, settings.train.threads, 0);
  Evaluated evaluated = load(settings, layout, world);
  if (world.is_root() && !settings.json) print_beginning(settings, evaluated);
  const DataScores scores = with_bar(settings, world, "scoring the data", [&](const ProgressReport& progress) {
    return score_data(evaluated.rbm.view(), evaluated.data.samples(), settings.scores, world, progress);
  });
  if (world.is_root()) {
    if (settings.json) {
      const nlohmann::ordered_json json = to_json(settings, evaluated, scores);
      say("{}\n", json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
      print_scores(scores);
    }
  }
  evaluated.data.release();
}

}  // namespace rbmpi
