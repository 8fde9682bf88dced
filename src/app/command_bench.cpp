#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "app/command.hpp"
#include "app/command_start.hpp"
#include "app/configuration.hpp"
#include "app/layout.hpp"
#include "app/options.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/parse.hpp"
#include "rbmpi/core/plural.hpp"
#include "rbmpi/core/threads.hpp"
#include "rbmpi/data/synthetic_samples.hpp"
#include "rbmpi/train/benchmark.hpp"
#include "rbmpi/train/rank_layout.hpp"
#include "rbmpi/train/trainer.hpp"

namespace rbmpi {
namespace {

namespace po = boost::program_options;

/// Keys of `train` that matter here, with its texts and limits.
constexpr const char* bench_shared_keys[] = {"hidden",  "batch-size",     "estimator",   "sweeps",
                                             "chains",  "centring",       "engine",      "exchange",
                                             "threads", "ranks-per-node", "hang-timeout"};

struct BenchSettings {
  BenchSettings() { train.training.hidden = 300; }
  TrainSettings train;  ///< of it the shared keys
  BenchmarkOptions benchmark;
  double most = 0;  ///< the largest ratio of a step to its products that is good; 0: any
  bool json = false;
};

double number_of(const std::string& text) {
  const std::optional<double> value = parse_number(text);
  if (!value) throw Error(Failure::usage, "must be a number");
  return *value;
}

double positive_number_of(const std::string& text) {
  const double value = number_of(text);
  if (value <= 0) throw Error(Failure::usage, "must be more than 0");
  return value;
}

/// An option of this command alone.
struct BenchOption {
  const char* name;
  const char* value;
  const char* help;
  /// Throws Error(Failure::usage) with what would be right.
  void (*set)(BenchSettings& settings, const std::string& text);
};

constexpr BenchOption bench_own_options[] = {
    {"visible", "N", "number of visible units [784]",
     [](BenchSettings& s, const std::string& text) { s.benchmark.visible = parse_count(text, 1, largest_layer); }},
    {"density", "X", "share of the visible and of the hidden units that are on [0.13]",
     [](BenchSettings& s, const std::string& text) { s.benchmark.density = number_of(text); }},
    {"seconds", "X", "how long to measure; at least one block of steps [5]",
     [](BenchSettings& s, const std::string& text) { s.benchmark.seconds = positive_number_of(text); }},
    {"most", "X", "fail if a step takes more than X times its matrix products in each of five measurements",
     [](BenchSettings& s, const std::string& text) { s.most = positive_number_of(text); }},
};

po::options_description all_bench_options() {
  po::options_description options;
  options.add_options()("help", "")("json", "");
  for (const BenchOption& option : bench_own_options) options.add_options()(option.name, po::value<std::string>(), "");
  for (const char* const key : bench_shared_keys) options.add_options()(key, po::value<std::string>(), "");
  return options;
}

std::string bench_help() {
  std::string text =
      "Measures training on synthetic rows of zeros and ones, on this machine and layout: the time of a step, its\n"
      "phases and, by turns with it, the matrix products (SGEMM) that it stands for; with persistent chains the time "
      "of\n"
      "a sweep as well. Several ranks are compared with one. Checks that all layouts come to the same model.\n\n"
      "Usage:\n"
      "  rbmpi bench [OPTIONS]\n"
      "  mpirun -n RANKS rbmpi bench [OPTIONS]\n\n"
      "Options:\n";
  const BenchSettings defaults;
  for (const BenchOption& option : bench_own_options) {
    text += fmt::format("  --{:<36} {}\n", fmt::format("{} {}", option.name, option.value), option.help);
  }
  for (const char* const key : bench_shared_keys) text += configuration_help(configuration_key(key), defaults.train);
  text += fmt::format("  --{:<36} {}\n", "json", "print the result as JSON");
  text +=
      "\nExamples:\n  mpirun -n 2 rbmpi bench --hidden 500 --batch-size 1000\n"
      "  rbmpi bench --estimator pcd --chains 2000 --sweeps 10\n";
  return text;
}

BenchSettings bench_settings(const po::variables_map& values) {
  BenchSettings settings;
  settings.json = values.count("json") != 0;
  for (const char* const key : bench_shared_keys) {
    if (values.count(key) == 0) continue;
    set_from_option(settings.train, configuration_key(key), values[key].as<std::string>());
  }
  for (const BenchOption& option : bench_own_options) {
    if (values.count(option.name) == 0) continue;
    const std::string text = values[option.name].as<std::string>();
    try {
      option.set(settings, text);
    } catch (const Error& error) {
      throw Error(error.failure(), fmt::format("option --{0}: {0} = {1}: {2}", option.name, text, error.what()));
    }
  }
  settings.benchmark.training = settings.train.training;
  check_options(settings.benchmark);
  return settings;
}

void print_banner(const BenchSettings& settings, const Layout& layout) {
  const BenchmarkOptions& options = settings.benchmark;
  print_heading(
      layout, options.training,
      exchange_pieces(options.training, benchmark_rows(options), options.visible, layout.nodes, layout.node.size()));
  say("  model       {} x {}, batches of {}, {:g} % of the units are on\n", options.visible, options.training.hidden,
      plural(options.training.batch_size, "row"), 100 * options.density);
  print_estimator(options.training);
  print_note_on_cores(layout);
  if (layout.threads * layout.ranks_on_machine > machine_cores()) {
    say("  note        more threads than cores: the figures below say little\n");
  }
}

std::string milliseconds(const Quartiles& times) {
  return fmt::format("{:.3f} ms, half of all from {:.3f} to {:.3f}", times.median * 1e3, times.low * 1e3,
                     times.high * 1e3);
}

void print_exchange(const ExchangeTimes& times, bool simulated_nodes) {
  say("    link      {:.4f} ms, {:.3f} GB/s of a node\n", times.link.latency * 1e3, times.link.bandwidth * 1e-9);
  say("    alone     {:.3f} ms; this link wants {:.3f}, and of them {:.3f} in a step\n", times.alone * 1e3,
      times.expected * 1e3, times.expected_in_step * 1e3);
  if (times.ratio() > ExchangeTimes::good && !simulated_nodes) {  // between those there is no link
    say("  note        the sums over nodes take {:.1f} times as long as this link wants\n", times.ratio());
  }
}

void print_sweep(const BenchmarkResult& result) {
  const SweepTimes& all = *result.all.sweep;
  say("  sweep       {} ({})\n", milliseconds(all.sweep), plural(all.sweeps, "sweep"));
  say("    products  {}\n", milliseconds(all.floor));
  say("    ratio     {:.3f}: a sweep in units of its products\n", all.ratio());
  if (!result.one_rank || !result.one_rank->sweep) return;
  const Quartiles& one = result.one_rank->sweep->sweep;
  say("    one rank  {}; {} are {:.3f} times as fast\n", milliseconds(one), plural(result.ranks, "rank"),
      one.median / all.sweep.median);
}

void print_for_people(const BenchmarkResult& result, bool simulated_nodes) {
  const LayoutTimes& all = result.all;
  say("  step        {} ({})\n", milliseconds(all.step), plural(all.steps, "step"));
  for (std::size_t phase = 0; phase < all.phases.size(); ++phase) {
    if (all.phases[phase] < 0.0005 * all.step.median) continue;
    say("    {:<11}{:.3f} ms\n", time_phase_names[phase], all.phases[phase] * 1e3);
  }
  say("  products    {}: {:.1f} GFLOP/s\n", milliseconds(all.floor), result.gflops_of_floor());
  say("  ratio       {:.3f}: a step in units of its products\n", all.ratio());
  if (all.sweep) print_sweep(result);
  say("  speed       {:.0f} samples/s, {:.2f} GCUPS\n", result.samples_per_second(), result.gcups());
  if (result.one_rank) {
    if (const auto speed = result.exchange_gigabytes_per_second()) {
      say("  exchange    {:.3f} MB of each rank, {:.2f} GB/s\n", static_cast<double>(result.exchange_bytes) * 1e-6,
          *speed);
    } else {
      say("  exchange    -\n");
    }
    if (result.exchange) print_exchange(*result.exchange, simulated_nodes);
    say("  one rank    {}\n", milliseconds(result.one_rank->step));
    say("    products  {}\n", milliseconds(result.one_rank->floor));
    say("  efficiency  {:.1f} %: {} are {:.3f} times as fast as one\n", 100 * *result.efficiency(),
        plural(result.ranks, "rank"), *result.speedup());
  } else {
    say("  exchange    -\n  efficiency  -\n");
  }
  say("  digest      {} after {}, as it should be\n", result.digest, plural(result.digest_steps, "step"));
}

nlohmann::ordered_json to_json(const Quartiles& times) {
  return {{"median", times.median}, {"low", times.low}, {"high", times.high}};
}

nlohmann::ordered_json to_json(const SweepTimes& times) {
  return {{"sweeps", times.sweeps},
          {"seconds", to_json(times.sweep)},
          {"products_seconds", to_json(times.floor)},
          {"ratio", times.ratio()}};
}

nlohmann::ordered_json to_json(const LayoutTimes& times) {
  nlohmann::ordered_json phases;
  for (std::size_t phase = 0; phase < times.phases.size(); ++phase) {
    phases[std::string(time_phase_names[phase])] = times.phases[phase];
  }
  return {{"steps", times.steps},    {"step_seconds", to_json(times.step)},
          {"phase_seconds", phases}, {"products_seconds", to_json(times.floor)},
          {"ratio", times.ratio()},  {"sweep", times.sweep ? to_json(*times.sweep) : nlohmann::ordered_json()}};
}

nlohmann::ordered_json json_or_null(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

void print_json(const BenchSettings& settings, const Layout& layout, const BenchmarkResult& result) {
  nlohmann::ordered_json json = {
      {"nodes", layout.nodes},
      {"ranks", layout.ranks},
      {"threads", layout.threads},
      {"visible", result.shape.visible},
      {"hidden", result.shape.hidden},
      {"batch_size", result.batch_size},
      {"density", settings.benchmark.density},
      {"estimator", settings.benchmark.training.estimator},
      {"sweeps", result.sweeps},
      {"chains", result.chains},
      {"centring", configuration_key("centring").get(settings.train)},
      {"engine", engine_in_use(settings.benchmark.training) == Engine::active ? "active" : "blas"},
      {"exchange", configuration_key("exchange").get(settings.train)}};
  json.update(to_json(result.all));
  json["products_gflops"] = result.gflops_of_floor();
  json["samples_per_second"] = result.samples_per_second();
  json["gcups"] = result.gcups();
  json["exchange_bytes"] = result.exchange_bytes;
  json["exchange_gigabytes_per_second"] = json_or_null(result.exchange_gigabytes_per_second());
  json["exchange_model"] = nlohmann::ordered_json();
  if (result.exchange) {
    const ExchangeTimes& times = *result.exchange;
    json["exchange_model"] = {
        {"latency_seconds", times.link.latency}, {"bytes_per_second", times.link.bandwidth},
        {"expected_seconds", times.expected},    {"expected_seconds_in_step", times.expected_in_step},
        {"measured_seconds", times.alone},       {"ratio", times.ratio()}};
  }
  json["one_rank"] = result.one_rank ? to_json(*result.one_rank) : nlohmann::ordered_json();
  json["speedup"] = json_or_null(result.speedup());
  json["efficiency"] = json_or_null(result.efficiency());
  json["digest_steps"] = result.digest_steps;
  json["digest"] = result.digest;
  put(stdout, json_text(json) + '\n');
}

/// Collective. What others do to the caches is not the fault of the step: a ratio that is too large is measured anew.
BenchmarkResult measure(const BenchSettings& settings, const Rows& samples, const Communicator& world) {
  constexpr int tries = 5;
  for (int left = tries;; --left) {
    BenchmarkResult result = run_benchmark(settings.benchmark, samples, world);
    if (settings.most == 0 || result.all.ratio() <= settings.most || left == 1) return result;
  }
}

}  // namespace

void run_bench(const std::vector<std::string>& arguments, const Communicator& world) {
  po::variables_map values;
  BenchSettings settings;
  world.agree([&] {
    values = parse_arguments("bench", arguments, all_bench_options());
    if (values.count("help") == 0) settings = bench_settings(values);
  });
  if (values.count("help") != 0) {
    if (world.is_root()) put(stdout, bench_help());
    return;
  }
  const StartedCommand started(world, settings.train);
  const Layout& layout = started.layout;
  (void)arrange_ranks(world, settings.train.training.exchange, settings.train.training.ranks_per_node);
  const BenchmarkOptions& options = settings.benchmark;
  SyntheticSamples rows(world, layout.node, benchmark_rows(options), options.visible, options.density,
                        benchmark_memory(options, world.size(), layout.node.size(), layout.has_root));
  BenchSettings in_use = settings;  // with what `auto` stands for
  in_use.benchmark.training.exchange =
      exchange_in_use(options.training, benchmark_rows(options), options.visible, world);
  if (world.is_root() && !settings.json) print_banner(in_use, layout);
  const BenchmarkResult result = measure(settings, rows.samples(), world);
  if (world.is_root() && settings.json) print_json(in_use, layout, result);
  if (world.is_root() && !settings.json) print_for_people(result, layout.simulated_nodes);
  world.agree_on_root([&] {
    if (std::fflush(stdout) != 0) throw Error(Failure::other, "cannot write to the standard output");
  });
  if (settings.most > 0 && result.all.ratio() > settings.most) {
    throw AgreedError(Failure::other, fmt::format("a step takes {:.3f} times as long as its matrix products; with "
                                                  "--most {:g} that is too much",
                                                  result.all.ratio(), settings.most));
  }
}

}  // namespace rbmpi
