#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/command.hpp"
#include "app/command_options.hpp"
#include "app/command_start.hpp"
#include "app/configuration.hpp"
#include "app/data_findings.hpp"
#include "app/evaluate_net.hpp"
#include "app/model_and_data.hpp"
#include "app/options.hpp"
#include "app/progress.hpp"
#include "app/row_table.hpp"
#include "app/score_text.hpp"
#include "app/terminal.hpp"
#include "app/work_bar.hpp"
#include "rbmpi/core/bit_matrix.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/data/node_samples.hpp"
#include "rbmpi/evaluate/annealed_importance_sampling.hpp"
#include "rbmpi/evaluate/data_scores.hpp"
#include "rbmpi/evaluate/exact_partition.hpp"
#include "rbmpi/evaluate/log_z.hpp"
#include "rbmpi/evaluate/temperatures.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

/// Keys of `train` that matter here, with its texts and limits.
constexpr const char* evaluate_shared_keys[] = {"scale", "threads", "progress", "hang-timeout"};

/// How log Z is found.
enum class LogZ { automatic, exact, ais, off };

struct EvaluateSettings {
  fs::path model;
  fs::path data;
  TrainSettings train;  ///< of it the shared keys, and `rows`
  fs::path table;       ///< of the figures of each row, or empty
  ScoreSettings scores;
  LogZ log_z = LogZ::automatic;
  AisSettings ais;
  std::string reverse;                       ///< "data", a file, or empty: not asked for
  std::optional<std::uint64_t> gibbs_steps;  ///< of the samples of the reverse direction
  bool ais_options = false;                  ///< whether an option was given that only AIS has
  bool json = false;
  std::size_t layer = 0;     ///< 0: the only one
  std::string only_of_rbms;  ///< an option that was given, and is for RBMs alone; else empty
};

LogZ log_z_of(const std::string& text) {
  if (text == "auto") return LogZ::automatic;
  if (text == "exact") return LogZ::exact;
  if (text == "ais") return LogZ::ais;
  if (text == "off") return LogZ::off;
  throw Error(Failure::usage, "must be one of auto, exact, ais, off");
}

Binarise binarise_of(const std::string& text) {
  if (text == "none") return Binarise::none;
  if (text == "threshold") return Binarise::threshold;
  if (text == "sample") return Binarise::sample;
  throw Error(Failure::usage, "must be one of none, threshold, sample");
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

/// How many rows, or the table of them.
void set_rows(EvaluateSettings& settings, const std::string& text) {
  if (names_row_table(text)) {
    if (!settings.table.empty()) throw Error(Failure::usage, "there is a table already");
    settings.table = text;
    settings.scores.by_row = true;
    return;
  }
  if (text != "all" && !is_number(text)) {
    throw Error(Failure::usage,
                "a whole number of rows to use would be right, or a table to make, whose name ends in .csv, .h5 or "
                ".hdf5");
  }
  if (settings.train.rows != 0) throw Error(Failure::usage, "there is a number of rows already");
  configuration_key("rows").set(settings.train, text);
}

const char* name_of(Binarise binarise) {
  return binarise == Binarise::none ? "none" : binarise == Binarise::threshold ? "threshold" : "sample";
}

constexpr CommandOption<EvaluateSettings> evaluate_own_options[] = {
    {"layer", "K", "of a stack: this one of its layers, the lowest being 1, on the features of those below it",
     [](EvaluateSettings& s, const std::string& text) { s.layer = parse_count(text, 1, 1000); }},
    {"binarise", "none|threshold|sample",
     "values between 0 and 1: as they are, 1 from 0.5 on, or drawn with the value as probability [sample]",
     [](EvaluateSettings& s, const std::string& text) { s.scores.rows.binarise = binarise_of(text); }},
    {"seed", "N", "of all random numbers [1]",
     [](EvaluateSettings& s, const std::string& text) {
       s.scores.rows.seed = parse_count(text, 0, std::numeric_limits<std::uint64_t>::max());
       s.ais.seed = s.scores.rows.seed;
     }},
    {"log-z", "auto|exact|ais|off",
     "exact: by enumeration, if one side has at most 25 units; ais: estimated; auto: "
     "exact where it can be, unless an option of AIS is given [auto]",
     [](EvaluateSettings& s, const std::string& text) { s.log_z = log_z_of(text); }},
    {"chains", "N", "AIS: number of chains [100]",
     [](EvaluateSettings& s, const std::string& text) {
       s.ais.chains = parse_count(text, 2, most_annealing_chains);
       s.ais_options = true;
     }},
    {"temperatures", "N|END:N,...,1:N", "AIS: inverse temperatures from 0 to 1, evenly spread or in pieces [20000]",
     [](EvaluateSettings& s, const std::string& text) {
       s.ais.temperatures = parse_temperatures(text);
       s.ais_options = true;
     }},
    {"reverse", "data|FILE",
     "AIS the other way too, from samples of the model: rows of the data after Gibbs steps, or "
     "of a dataset; log Z is between the two",
     [](EvaluateSettings& s, const std::string& text) {
       s.reverse = text;
       s.ais_options = true;
     }},
    {"gibbs-steps", "N", "that --reverse moves its samples first [1000 for data, 0 for a file]",
     [](EvaluateSettings& s, const std::string& text) {
       s.gibbs_steps = parse_count(text, 0, std::uint64_t{1} << 40U);
       s.ais_options = true;
     }},
    {"json", nullptr, "print one JSON object", [](EvaluateSettings& s, const std::string&) { s.json = true; }},
    {"rows", "N|FILE",
     "use only the first N rows [all]; or, both may be given: write free energy, pseudo- and "
     "log-likelihood of each row to FILE, a table by its ending: .csv, or .h5 and .hdf5",
     set_rows, /*repeats=*/true},
};

const CommandOptions<EvaluateSettings> evaluate_options{evaluate_own_options, evaluate_shared_keys};

constexpr const char* evaluate_usage = "evaluate MODEL DATA";

std::string evaluate_help() {
  std::string text =
      "Says how good a model is on a dataset, in double precision: the same figures on any number of ranks.\n\n"
      "Usage:\n"
      "  rbmpi evaluate MODEL DATA [OPTIONS]\n"
      "  mpirun -n RANKS rbmpi evaluate MODEL DATA [OPTIONS]\n\n"
      "MODEL is a model, a checkpoint, or the folder of a run: its newest checkpoint, while it goes on too.\n"
      "Of a net that rbmpi finetune made it says the error on labelled rows, for each class too, or the squared error "
      "of\n"
      "an autoencoder; of the folder of its run best.h5 is taken, if there is one. Only --rows N, --threads, --json "
      "and\n"
      "--hang-timeout are for nets.\n\n"
      "Options:\n";
  text += evaluate_options.help();
  text +=
      "\nExamples:\n  mpirun -n 2 rbmpi evaluate runs/a test.h5\n"
      "  rbmpi evaluate runs/a test.h5 --rows 1000 --rows figures.csv\n";
  return text;
}

EvaluateSettings evaluate_settings(const po::variables_map& values) {
  EvaluateSettings settings;
  settings.model = file_argument(values, "model", "model", evaluate_usage);
  settings.data = file_argument(values, "data", "dataset", evaluate_usage);
  evaluate_options.set(settings, values);
  if (settings.ais_options && (settings.log_z == LogZ::exact || settings.log_z == LogZ::off)) {
    throw Error(Failure::usage,
                fmt::format("option --log-z {}: --chains, --temperatures, --reverse and --gibbs-steps are "
                            "for --log-z ais",
                            values["log-z"].as<std::string>()) +
                    see_help(evaluate_usage));
  }
  if (settings.gibbs_steps && settings.reverse.empty()) {
    throw Error(Failure::usage, "option --gibbs-steps: wants --reverse" + see_help(evaluate_usage));
  }
  for (const CommandOption<EvaluateSettings>& option : evaluate_own_options) {
    const std::string_view name = option.name;
    if (name == "json" || values.count(option.name) == 0) continue;
    if (name != "rows") settings.only_of_rbms = option.name;
    if (name == "rows" && !settings.table.empty()) settings.only_of_rbms = "rows " + settings.table.string();
  }
  check_output("rows", settings.table, {settings.model, settings.data, settings.reverse},
               names_hdf5_table(settings.table) ? OutputKind::hdf5 : OutputKind::other);
  if (settings.json) settings.train.progress = ProgressStyle::off;
  return settings;
}

/// The model and the data that it is evaluated on.
struct Evaluated {
  LoadedModel model;
  NodeSamples data;
  std::optional<LayerRows> rows = {};  ///< as the layer sees them

  [[nodiscard]] const Rows& samples() const { return rows->rows(); }
  [[nodiscard]] RbmView<const Real> rbm() const { return model.rbm.view(); }
};

/// log Z and how it was found.
struct LogZFigures {
  FoundLogZ found;
  std::optional<LogPartition> reverse;
  std::size_t temperatures = 0;  ///< after 0
  double seconds = 0;
};

/// Throws Error(Failure::usage) if it is asked for what cannot be.
bool takes_exact(const EvaluateSettings& settings, RbmShape shape) {
  const bool possible = can_enumerate(shape);
  if (settings.log_z != LogZ::exact) return settings.log_z == LogZ::automatic && possible && !settings.ais_options;
  if (possible) return true;
  throw Error(
      Failure::usage,
      fmt::format("option --log-z exact: '{}' has {} visible x {} hidden units, and only 2^{} states of a side, those "
                  "of {} units of two states, can be enumerated; --log-z ais estimates log Z",
                  settings.model.string(), shape.visible, shape.hidden, largest_enumeration, largest_enumeration));
}

/// What the reverse direction begins with: `count` rows as bits; none if it is not asked for.
struct ReverseStart {
  std::vector<std::uint64_t> bits;
  std::uint64_t count = 0;
};

/// Collective.
ReverseStart reverse_start(const EvaluateSettings& settings, const Layout& layout, const Evaluated& evaluated,
                           const Communicator& world) {
  ReverseStart start;
  if (settings.reverse.empty()) return start;
  const BinaryRows& rows = settings.scores.rows;
  start.count = settings.ais.chains;
  if (settings.reverse == "data") {
    world.agree([&] { start.bits = spread_rows(evaluated.samples(), start.count, rows); });
    return start;
  }
  NodeSamples samples = load_rows(settings.reverse, 0, settings.model, evaluated.rbm().shape(), layout, world,
                                  /*scale=*/std::nullopt);
  start.count = std::min(start.count, samples.rows().rows);
  world.agree([&] { start.bits = spread_rows(samples.rows(), start.count, rows); });
  return start;
}

/// Collective. Throws an AgreedError before anything is begun that the memory of a node is too small for.
void check_memory(const EvaluateSettings& settings, RbmShape shape, std::uint64_t rows, bool exact,
                  const Layout& layout, const Communicator& world) {
  const auto check = [&](const char* what, std::uint64_t bytes, const char* remedy) {
    const std::uint64_t left = available_memory() / static_cast<std::uint64_t>(layout.node.size());
    if (bytes <= left) return;
    throw Error(
        Failure::other,
        fmt::format("not enough memory for {} with {} visible x {} hidden units: each rank needs {}, and {} are "
                    "left for it; use fewer {} or ranks on a node",
                    what, shape.visible, shape.hidden, human_bytes(bytes), human_bytes(left), remedy));
  };
  world.agree([&] {
    const std::uint64_t by_row = settings.scores.by_row ? row_scores_memory(rows, layout.ranks) : 0;
    check("scoring the data", scoring_memory(shape) + by_row, by_row > 0 ? "--rows, --threads" : "--threads");
    if (settings.log_z == LogZ::off) return;
    const std::uint64_t bytes = log_z_memory(shape, exact, settings.ais, layout.ranks);
    if (exact) return check("exact log Z", bytes, "--threads");
    const std::uint64_t chains = settings.reverse.empty() ? 0 : settings.ais.chains;  // of the reverse direction
    check("AIS", bytes + chains * words_for(shape.visible) * sizeof(std::uint64_t),
          "--chains, --temperatures, --threads");
  });
}

/// Collective.
LogZFigures measure_log_z(const EvaluateSettings& settings, const Layout& layout, const Evaluated& evaluated,
                          bool exact, const ReverseStart& start, const Communicator& world) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  const RbmView<const Real> rbm = evaluated.rbm();
  if (exact) {
    world.agree_on_root([&] {
      const double seconds = enumeration_seconds(rbm, layout.ranks * layout.threads);
      if (settings.json && seconds < 1) return;
      put(settings.json ? stderr : stdout,
          fmt::format("  log Z over all 2^{} states takes {}\n", std::min(rbm.shape().visible, rbm.shape().hidden),
                      seconds < 1 ? "less than a second" : "about " + human_seconds(seconds)));
    });
  }
  AisSettings ais = settings.ais;
  if (ais.temperatures.empty()) ais.temperatures = parse_temperatures(default_temperatures);
  LogZFigures figures;
  figures.temperatures = ais.temperatures.size() - 1;
  figures.found =
      with_bar(settings.train.progress, exact ? "log Z" : "log Z by AIS", world, [&](const ProgressReport& progress) {
        return find_log_z(rbm, exact, ais, evaluated.samples(), settings.scores.rows, world, progress);
      });
  if (!exact && !settings.reverse.empty()) {
    ais.gibbs_steps = settings.gibbs_steps.value_or(settings.reverse == "data" ? 1000 : 0);
    figures.reverse =
        with_bar(settings.train.progress, "log Z by reverse AIS", world, [&](const ProgressReport& progress) {
          return reverse_annealed_importance_sampling(rbm, figures.found.base_bias,
                                                      {start.bits.data(), start.count, rbm.shape().visible}, ais, world,
                                                      progress);
        });
  }
  figures.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return figures;
}

LogLikelihood likelihood_of(const DataScores& scores, const FoundLogZ& found) {
  return log_likelihood(scores.free_energy, found.log_z, found.standard_error());
}

void print_beginning(const EvaluateSettings& settings, const Evaluated& evaluated) {
  const RbmShape shape = evaluated.rbm().shape();
  const Rows& samples = evaluated.samples();
  const auto& progress = evaluated.model.named.progress;
  print("  model       {}: {} x {}{}\n", evaluated.model.named.file.string(), shape.visible, shape.hidden,
        progress ? fmt::format(", a checkpoint after {}", plural(progress->steps, "step")) : "");
  print("  data        {}: {} x {}{}{}\n", settings.data.string(), plural(samples.rows, "row"), samples.columns,
        weights_in_words(samples),
        settings.scores.rows.binarise == Binarise::none     ? ""
        : settings.scores.rows.binarise == Binarise::sample ? ", zeros and ones drawn with the values as probabilities"
                                                            : ", 1 from 0.5 on, else 0");
}

/// One line of the table: a figure, its value, its standard error (empty: exact), and a word on it.
void print_figure(const char* name, double value, const std::string& error, const std::string& word) {
  print("  {:<22}{:>12.6g}  {:<10} {}\n", name, value, error, word);
}

void print_mean(const char* name, const RowMean& score, const char* word) {
  print_figure(name, score.mean, error_text(score.standard_error), word);
}

std::string grey_note(const DataScores& scores) {
  return fmt::format("{} of {} have values other than 0 and 1: likelihoods of such rows are no probabilities",
                     scores.grey_rows, plural(scores.rows, "row"));
}

void print_scores(const DataScores& scores) {
  if (scores.grey_rows > 0) print("  note        {}\n", grey_note(scores));
  print_mean("mean-field error", *scores.reconstruction_mse,
             "mean square a unit, nothing sampled: not what training shows");
  print_mean("cross-entropy", *scores.cross_entropy, "nats a row, of probabilities");
  print_mean("free energy", scores.free_energy, "nats a row");
  if (!scores.pseudo_likelihood) return;
  print_mean("pseudo-likelihood", *scores.full_pseudo_likelihood, "nats a row, over all units");
  print_mean("  stochastic", *scores.pseudo_likelihood, "nats a row, from one unit of each");
}

void print_partition(const char* name, const LogPartition& partition) {
  print_figure(
      name, partition.log_z, error_text(partition.standard_error),
      fmt::format("nats, {:.6g} to {:.6g} within three standard errors; {:.1f} of {} are effective", partition.low,
                  partition.high, partition.effective_samples, plural(partition.log_weights.size(), "chain")));
}

/// Why an estimate of log Z may be far from the truth.
std::vector<std::string> doubts(const LogZFigures& figures) {
  std::vector<std::string> doubts;
  if (!figures.found.estimate) return doubts;
  const LogPartition& forward = *figures.found.estimate;
  const std::optional<LogPartition>& reverse = figures.reverse;
  // From fewer chains than these the spread of the weights says nothing about itself.
  constexpr double fewest = 10;
  if (forward.effective_samples < fewest) {
    doubts.emplace_back(
        "few chains carry the estimate, and its error is larger than is said: more --temperatures are needed");
  }
  if (!reverse) return doubts;
  if (reverse->effective_samples < fewest) {
    doubts.emplace_back("few chains carry the estimate of the reverse direction: more --temperatures are needed");
  }
  if (reverse->high < forward.low) {
    doubts.emplace_back(
        "the reverse direction is far below: the samples that it began at lack most of what the model has");
  } else if (reverse->low > forward.high) {
    doubts.push_back(
        fmt::format("the two directions are {:.2g} nats apart, more than their errors, with the truth "
                    "between them: more --temperatures are needed",
                    reverse->log_z - forward.log_z));
  }
  return doubts;
}

void print_likelihood(const LogZFigures& figures, const LogLikelihood& likelihood) {
  const std::optional<LogPartition>& estimate = figures.found.estimate;
  if (!estimate) {
    print_figure("log Z", figures.found.log_z, {}, "nats, exact");
  } else {
    print_partition("log Z by AIS", *estimate);
    if (figures.reverse) print_partition("  reverse", *figures.reverse);
    for (const std::string& why : doubts(figures)) print("  note        {}\n", why);
  }
  print_figure("log-likelihood", likelihood.mean, error_text(likelihood.data_error),
               estimate ? fmt::format("nats a row, for the rows; +- {:.2g} for log Z", likelihood.partition_error)
                        : std::string("nats a row"));
  if (figures.seconds >= 1) print("  log Z took {}\n", human_seconds(figures.seconds));
}

nlohmann::ordered_json to_json(const LogPartition& partition) {
  return {{"log_z", partition.log_z},
          {"standard_error", partition.standard_error},
          {"low", partition.low},
          {"high", partition.high},
          {"effective_samples", partition.effective_samples},
          {"chains", partition.log_weights.size()}};
}

void add_likelihood(nlohmann::ordered_json& json, const LogZFigures& figures, const LogLikelihood& likelihood) {
  nlohmann::ordered_json& log_z = json["log_z"];
  const FoundLogZ& found = figures.found;
  log_z = {{"method", found.estimate ? "ais" : "exact"}, {"value", found.log_z}, {"seconds", figures.seconds}};
  if (found.estimate) {
    log_z["temperatures"] = figures.temperatures;
    log_z["forward"] = to_json(*found.estimate);
    log_z["reverse"] = figures.reverse ? to_json(*figures.reverse) : nlohmann::ordered_json();
  }
  json["log_likelihood"] = {{"mean", likelihood.mean},
                            {"partition_error", likelihood.partition_error},
                            {"data_error", number_or_null(likelihood.data_error)}};
  for (const std::string& why : doubts(figures)) json["warnings"].push_back(why);
}

nlohmann::ordered_json json_or_null(const std::optional<RowMean>& score) {
  return score ? to_json(*score) : nlohmann::ordered_json();
}

nlohmann::ordered_json to_json(const EvaluateSettings& settings, const Evaluated& evaluated, const DataScores& scores) {
  return {{"model", evaluated.model.named.file.string()},
          {"visible", evaluated.rbm().shape().visible},
          {"hidden", evaluated.rbm().shape().hidden},
          {"model_digest", model_digest(evaluated.model.named.model.layers)},
          {"steps", evaluated.model.named.progress ? nlohmann::ordered_json(evaluated.model.named.progress->steps)
                                                   : nlohmann::ordered_json()},
          {"data", settings.data.string()},
          {"data_digest", evaluated.data.digest()},
          {"rows", scores.rows},
          {"effective_rows", scores.effective_rows},
          {"binarise", name_of(settings.scores.rows.binarise)},
          {"grey_rows", scores.grey_rows},
          {"seed", settings.scores.rows.seed},
          {"mean_field_mse", to_json(*scores.reconstruction_mse)},
          {"cross_entropy", to_json(*scores.cross_entropy)},
          {"free_energy", to_json(scores.free_energy)},
          {"pseudo_likelihood", json_or_null(scores.full_pseudo_likelihood)},
          {"stochastic_pseudo_likelihood", json_or_null(scores.pseudo_likelihood)},
          {"warnings", scores.grey_rows > 0 ? nlohmann::ordered_json::array({grey_note(scores)})
                                            : nlohmann::ordered_json::array()}};
}

std::string log_z_text(const std::optional<LogZFigures>& figures) {
  if (!figures) return "log Z not asked for";
  const FoundLogZ& found = figures->found;
  if (!found.estimate) return fmt::format("log Z = {}, exact", found.log_z);
  return fmt::format("log Z = {}, standard error {}, by AIS with {} and {}", found.log_z, found.standard_error(),
                     plural(found.estimate->log_weights.size(), "chain"), plural(figures->temperatures, "temperature"));
}

/// The table of --rows, on the root.
void write_table(const EvaluateSettings& settings, const Evaluated& evaluated, const DataScores& scores,
                 const std::optional<LogZFigures>& figures) {
  const LoadedModel& model = evaluated.model;
  const BinaryRows& rows = settings.scores.rows;
  RowNames names(settings.data, evaluated.data.info());
  write_row_table(
      settings.table,
      {.rows = scores.by_row,
       .labels = evaluated.samples().labels,
       .class_names = evaluated.data.info().class_names,
       .names = &names,
       .pseudo_likelihood = scores.full_pseudo_likelihood.has_value(),
       .log_z = figures ? &figures->found : nullptr,
       .source = fmt::format("figures of rows by {}'{}' (digest {}) for '{}' (digest {}), binarise {}, seed {}; {}",
                             settings.layer == 0 ? "" : fmt::format("layer {} of ", settings.layer),
                             model.named.file.string(), model_digest(model.named.model.layers), settings.data.string(),
                             evaluated.data.digest(), name_of(rows.binarise), rows.seed, log_z_text(figures))});
  if (!settings.json) {
    say("{}: figures of {}{}\n", settings.table.string(), plural(scores.rows, "row"),
        evaluated.samples().labels == nullptr ? "" : ", with labels");
  }
}

}  // namespace

bool evaluate_writes(const std::vector<std::string>& arguments) {
  return std::ranges::any_of(arguments, [&](const std::string& argument) {
    constexpr std::string_view adjacent = "--rows=";
    if (argument.starts_with(adjacent)) return names_row_table(argument.substr(adjacent.size()));
    return &argument != &arguments.front() && *(&argument - 1) == "--rows" && names_row_table(argument);
  });
}

void run_evaluate(const std::vector<std::string>& arguments, const Communicator& world) {
  const auto parsed = parse_command("evaluate", arguments, evaluate_options.description(), {"model", "data"},
                                    evaluate_settings, evaluate_help, world);
  if (!parsed) return;
  const EvaluateSettings& settings = *parsed;
  const StartedCommand started(world, settings.train);
  const Layout& layout = started.layout;
  NamedModel named = model_on_root(settings.model, world);
  if (world.maximum(named.model.net ? 1 : 0) > 0) {
    world.agree_on_root([&] {
      if (settings.only_of_rbms.empty()) return;
      throw Error(Failure::usage, fmt::format("option --{}: it is for RBMs, but '{}' is a net", settings.only_of_rbms,
                                              named.file.string()) +
                                      see_help(evaluate_usage));
    });
    return evaluate_net(std::move(named),
                        {settings.model, settings.data, settings.train.rows, settings.train.scale, settings.json},
                        layout, world);
  }
  LoadedModel model(std::move(named), world, settings.layer);
  const RbmShape shape = model.rbm.shape();
  const RbmShape shape_for_data = model.shape_for_data();
  bool exact = false;
  world.agree([&] { exact = takes_exact(settings, shape); });
  Evaluated evaluated{.model = std::move(model),
                      .data = load_rows(settings.data, settings.train.rows, settings.model, shape_for_data, layout,
                                        world, settings.train.scale)};
  world.agree([&] {
    const Rows& rows = evaluated.data.rows();
    refuse_weightless(rows, fmt::format("'{}': all {}", settings.data.string(), plural(rows.rows, "row")),
                      "some weights above 0");
  });
  evaluated.rows.emplace(evaluated.model, evaluated.data.rows(), world);
  check_memory(settings, shape, evaluated.samples().rows, exact, layout, world);
  const ReverseStart start = reverse_start(settings, layout, evaluated, world);
  world.agree_on_root([&] {
    if (!settings.table.empty()) try_row_table(settings.table);
    if (!settings.json) print_beginning(settings, evaluated);
  });
  const DataScores scores =
      with_bar(settings.train.progress, "scoring the data", world, [&](const ProgressReport& progress) {
        return score_data(evaluated.rbm(), evaluated.samples(), settings.scores, world, progress);
      });
  nlohmann::ordered_json json;
  world.agree_on_root([&] {
    json = to_json(settings, evaluated, scores);
    if (!settings.json) print_scores(scores);
  });
  std::optional<LogZFigures> figures;
  if (settings.log_z != LogZ::off) {
    figures = measure_log_z(settings, layout, evaluated, exact, start, world);
    const LogLikelihood likelihood = likelihood_of(scores, figures->found);
    world.agree_on_root([&] {
      add_likelihood(json, *figures, likelihood);
      if (!settings.json) print_likelihood(*figures, likelihood);
    });
  }
  world.agree_on_root([&] {
    if (!settings.table.empty()) write_table(settings, evaluated, scores, figures);
    if (settings.json) print_text(json_text(json) + '\n');
  });
}

}  // namespace rbmpi
