#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "app/command_options.hpp"
#include "app/configuration.hpp"
#include "app/layout.hpp"
#include "app/model_and_data.hpp"
#include "app/options.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/evaluate/gibbs_chains.hpp"
#include "rbmpi/evaluate/stack_features.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/model_figures.hpp"
#include "rbmpi/report/run_summary.hpp"
#include "rbmpi/report/sections.hpp"
#include "rbmpi/storage/text_file.hpp"

namespace rbmpi {
namespace {

namespace fs = std::filesystem;
namespace po = boost::program_options;

constexpr std::uint64_t default_rows = 10'000;

constexpr const char* shared_keys[] = {"threads"};

struct ReportSettings {
  fs::path run;
  fs::path output;
  fs::path data;        ///< empty: where the configuration says that it is
  fs::path evaluation;  ///< empty: none
  std::uint64_t rows = default_rows;
  std::size_t layer = 1;
  TrainSettings train;  ///< of it the shared keys
};

constexpr CommandOption<ReportSettings> own_options[] = {
    {"output", "FILE", "the page [RUN/report.html]",
     [](ReportSettings& s, const std::string& text) { s.output = text; }},
    {"data", "FILE", "the dataset, if it is no longer where the run found it",
     [](ReportSettings& s, const std::string& text) { s.data = text; }},
    {"rows", "N", "rows of it that are looked at, from all over it [10000]",
     [](ReportSettings& s, const std::string& text) { s.rows = parse_count(text, 1, std::uint64_t{1} << 32U); }},
    {"layer", "K", "of a stack: this one of its layers [1, the lowest]",
     [](ReportSettings& s, const std::string& text) { s.layer = parse_count(text, 1, 1000); }},
    {"evaluation", "FILE", "what 'rbmpi evaluate --json' printed, to be shown as well",
     [](ReportSettings& s, const std::string& text) { s.evaluation = text; }},
};

const CommandOptions<ReportSettings> options{own_options, shared_keys};

po::options_description all_options() {
  po::options_description all = options.description();
  all.add_options()("run", po::value<std::string>(), "");
  return all;
}

std::string help() {
  return "Makes one HTML page of a training run: what was run, its curves, filters, reconstructions and samples, "
         "where\n"
         "the time went, and how to repeat it. The page stands alone and needs no network. It can be made at any "
         "time,\n"
         "while the run goes on as well: curves come with the first epoch, what shows the parameters with the first\n"
         "checkpoint.\n\n"
         "Usage:\n"
         "  rbmpi report RUN [OPTIONS]\n\n"
         "Options:\n" +
         options.help() +
         "\nExamples:\n"
         "  rbmpi report runs/mnist\n"
         "  rbmpi report runs/mnist --output mnist.html --data /elsewhere/train.h5\n";
}

ReportSettings settings_of(const po::variables_map& values) {
  if (values.count("run") == 0) {
    throw Error(Failure::usage, "no run given: rbmpi report RUN (rbmpi report --help shows the usage)");
  }
  ReportSettings settings;
  settings.run = values["run"].as<std::string>();
  options.set(settings, values);
  check_output("output", settings.output, {settings.data, settings.evaluation}, OutputKind::other);
  if (settings.output.empty()) settings.output = settings.run / "report.html";
  return settings;
}

/// The rows as the layer that is looked at sees them, without labels.
DataRows features_of(const RunSummary& run, DataRows data) {
  if (run.model->below.empty()) return data;
  const Samples samples{.type = ElementType::float32,
                        .values = reinterpret_cast<const std::byte*>(data.values.data()),
                        .rows = data.rows,
                        .columns = data.columns,
                        .scale = 1};
  std::vector<RbmView<const Real>> layers;
  for (const Rbm& layer : run.model->below) layers.push_back(layer.view());
  StackFeatures maker(std::move(layers), samples);
  std::vector<std::uint64_t> numbers(data.rows);
  std::iota(numbers.begin(), numbers.end(), 0);
  DataRows features{.rows = data.rows,
                    .columns = run.model->below.back().shape().hidden,
                    .values = {},
                    .rows_in_use = data.rows_in_use,
                    .picture = {}};
  features.values = AlignedBuffer<Real>(features.rows * features.columns);
  maker.make(numbers, features.values.data());
  return features;
}

/// The rows to look at, or why there are none.
struct FoundData {
  std::optional<DataRows> rows;
  std::string problem;
};

FoundData find_data(const ReportSettings& settings, const RunSummary& run) {
  if (!run.model) return {};
  const fs::path path = settings.data.empty() ? fs::path(run.value("data")) : settings.data;
  const std::string rows_in_use = run.value("rows");
  try {
    const bool all = rows_in_use.empty() || rows_in_use == "all";
    const std::uint64_t in_use = all ? 0 : parse_count(rows_in_use, 1, std::uint64_t{1} << 48U);
    now_doing("reading the data");
    DataRows rows = read_rows(path, settings.rows, in_use);
    const std::size_t visible =
        run.model->below.empty() ? run.model->rbm.shape().visible : run.model->below.front().shape().visible;
    if (!run.model->classes.empty()) {
      throw Error(Failure::file,
                  fmt::format("layer {} of the run has units for labels, which are not looked at", settings.layer));
    }
    if (rows.columns != visible) {
      throw Error(Failure::file, fmt::format("'{}' has {} columns, but the model has {} visible units", path.string(),
                                             rows.columns, visible));
    }
    return {.rows = features_of(run, std::move(rows)), .problem = {}};
  } catch (const Error& error) {
    // A page without the data is better than none, unless the user named them.
    if (!settings.data.empty() || error.failure() == Failure::interrupted) throw;
    return {.rows = {}, .problem = error.what()};
  }
}

/// Some rows from all over the data.
AlignedBuffer<Real> rows_to_show(const DataRows& data, std::size_t count) {
  AlignedBuffer<Real> shown(count * data.columns);
  for (std::size_t i = 0; i < count; ++i) {
    std::copy_n(data.view().row(i * data.rows / count), data.columns, shown.data() + i * data.columns);
  }
  return shown;
}

Section reconstructions_of(const RunSummary& run, const DataRows& data) {
  constexpr std::size_t most = 20;
  const std::size_t count = std::min(most, data.rows);
  const AlignedBuffer<Real> shown = rows_to_show(data, count);
  const ConstMatrixView rows{shown.data(), count, data.columns};
  const AlignedBuffer<Real> reconstructions = mean_reconstructions(run.model->rbm, rows);
  return reconstructions_section(rows, {reconstructions.data(), count, data.columns}, data.rows_in_use, data.picture);
}

/// The end of Gibbs chains, from rows of the data if there are any.
Section samples_of(const RunSummary& run, const std::optional<DataRows>& data) {
  constexpr std::size_t chains = 36;
  constexpr std::uint64_t most_steps = 1000;
  constexpr double most_work = 2e10;  // additions: some seconds
  const Rbm& rbm = run.model->rbm;
  const double work_of_step = static_cast<double>(chains) * static_cast<double>(rbm.shape().weights());
  const auto steps = static_cast<std::uint64_t>(std::clamp<double>(most_work / work_of_step, 1, most_steps));

  ChainStart start;
  AlignedBuffer<Real> rows;
  if (data) {
    rows = rows_to_show(*data, chains);
    start.samples = {.type = ElementType::float32,
                     .values = std::as_bytes(std::span(rows.data(), rows.size())).data(),
                     .rows = chains,
                     .columns = data->columns,
                     .scale = 1.0};
  }
  const std::string how = fmt::format(
      "What the model itself would call probable: {} chains after {} of Gibbs sampling from {}. Shown are the "
      "probabilities that the last states were drawn with.",
      chains, count_text(steps, "step"),
      data ? part_text(std::min<std::uint64_t>(chains, data->rows), data->rows_in_use, "row") + " of the data"
           : "noise");
  Section section;
  run_gibbs_chains(rbm, start, {.chains = chains, .steps = steps, .probabilities = true}, Communicator(),
                   [&](const ChainRecord& record) {
                     section = samples_section(record.probabilities,
                                               data ? data->picture : std::vector<std::uint64_t>(), how);
                   });
  return section;
}

std::string make_page(const ReportSettings& settings) {
  const RunSummary run = read_run(settings.run, settings.layer - 1);
  const FoundData data = find_data(settings, run);
  std::optional<HiddenUse> found_use;
  if (data.rows) {
    found_use = hidden_use(run.model->rbm, data.rows->view());
    found_use->rows_in_use = data.rows->rows_in_use;
  }
  const HiddenUse* const use = found_use ? &*found_use : nullptr;

  std::string lead = lead_of(run);
  if (!data.problem.empty()) {
    lead += "<p class=\"note\">" +
            escape("The data could not be read, so what needs them is left out: " + data.problem) + "</p>\n";
  }
  std::vector<Section> sections = {overview_section(run, use), curves_section(run)};
  if (!settings.evaluation.empty()) {
    sections.push_back(likelihood_section(read_evaluation(settings.evaluation), run));
  }
  if (run.model) {
    now_doing("drawing the model");
    const Rbm& rbm = run.model->rbm;
    sections.push_back(units_section(rbm, use, data.rows ? data.rows->picture : std::vector<std::uint64_t>()));
    sections.push_back(distributions_section(rbm, use));
    if (data.rows) sections.push_back(reconstructions_of(run, *data.rows));
    sections.push_back(samples_of(run, data.rows));
  }
  sections.push_back(time_section(run));
  sections.push_back(repeat_section(run));
  const fs::path name = fs::absolute(settings.run).lexically_normal();
  return page("Run " + (name.has_filename() ? name : name.parent_path()).filename().string(), lead, sections);
}

}  // namespace

void run_report(const std::vector<std::string>& arguments, const Communicator& world) {
  po::variables_map values;
  ReportSettings settings;
  world.agree([&] {
    po::positional_options_description positional;
    positional.add("run", 1);
    values = parse_arguments("report", arguments, all_options(), positional);
    if (values.count("help") == 0) settings = settings_of(values);
  });
  if (values.count("help") != 0) {
    if (world.is_root()) say("{}", help());
    return;
  }
  (void)arrange(world, settings.train.threads, 0);
  world.agree_on_root([&] {
    const std::string html = make_page(settings);
    write_text_file(settings.output, html);
    say("{}: {}\n", settings.output.string(), human_bytes(html.size()));
  });
}

}  // namespace rbmpi
