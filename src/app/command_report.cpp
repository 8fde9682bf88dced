#include <optional>
#include <string>
#include <vector>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "app/command_options.hpp"
#include "app/layout.hpp"
#include "app/model_and_data.hpp"
#include "app/options.hpp"
#include "app/report_pages.hpp"
#include "app/report_settings.hpp"
#include "app/terminal.hpp"
#include "rbmpi/core/error.hpp"
#include "rbmpi/core/memory.hpp"
#include "rbmpi/report/run_summary.hpp"
#include "rbmpi/storage/text_file.hpp"

namespace rbmpi {
namespace {

namespace po = boost::program_options;

constexpr const char* report_shared_keys[] = {"scale", "threads"};

constexpr CommandOption<ReportSettings> report_own_options[] = {
    {"output", "FILE", "the page [RUN/report.html]",
     [](ReportSettings& s, const std::string& text) { s.output = text; }},
    {"data", "FILE", "the dataset whose rows are shown, if it is no longer where the run found it",
     [](ReportSettings& s, const std::string& text) { s.data = text; }},
    {"rows", "N", "rows of it that are looked at, from all over it [10000]",
     [](ReportSettings& s, const std::string& text) { s.rows = parse_count(text, 1, std::uint64_t{1} << 32U); }},
    {"layer", "K", "of a stack: this one of its layers, from 1 [all of them]",
     [](ReportSettings& s, const std::string& text) { s.layer = parse_count(text, 1, 1000) - 1; }},
    {"evaluation", "FILE", "what 'rbmpi evaluate --json' printed, to be shown as well",
     [](ReportSettings& s, const std::string& text) { s.evaluation = text; }},
};

const CommandOptions<ReportSettings> report_options{report_own_options, report_shared_keys};

po::options_description all_report_options() {
  po::options_description all = report_options.description();
  all.add_options()("run", po::value<std::string>(), "");
  return all;
}

std::string report_help() {
  return "Makes one HTML page of a training run: what was run, its curves, where the time went, and how to repeat "
         "it;\n"
         "of RBMs their filters, reconstructions and samples; of a classifier its confusion matrix and the rows that "
         "it\n"
         "takes for another class, of an autoencoder its codes and reconstructions: of the validation rows, if there "
         "are\n"
         "any. The page stands alone and needs no network. It can be made at any time, while the run goes on as well:\n"
         "curves come with the first epoch, what shows the parameters with the first checkpoint.\n\n"
         "Usage:\n"
         "  rbmpi report RUN [OPTIONS]\n\n"
         "Options:\n" +
         report_options.help() +
         "\nExamples:\n"
         "  rbmpi report runs/mnist\n"
         "  rbmpi report runs/mnist --output mnist.html --data /elsewhere/train.h5\n"
         "  rbmpi report runs/stack --layer 2\n"
         "  rbmpi evaluate runs/digits mnist/test.h5 --json > test.json\n"
         "  rbmpi report runs/digits --evaluation test.json\n";
}

ReportSettings report_settings(const po::variables_map& values) {
  if (values.count("run") == 0) {
    throw Error(Failure::usage, "no run given: rbmpi report RUN (rbmpi report --help shows the usage)");
  }
  ReportSettings settings;
  settings.run = values["run"].as<std::string>();
  report_options.set(settings, values);
  check_output("output", settings.output, {settings.data, settings.evaluation}, OutputKind::other);
  if (settings.output.empty()) settings.output = settings.run / "report.html";
  return settings;
}

std::string make_page(const ReportSettings& settings) {
  const RunSummary run = read_run(settings.run);
  if (settings.layer) return layer_page(settings, run, *settings.layer);
  if (run.is_net()) return net_page(settings, run);
  return run.layers() > 1 ? stack_page(settings, run) : layer_page(settings, run, 0);
}

}  // namespace

void run_report(const std::vector<std::string>& arguments, const Communicator& world) {
  po::variables_map values;
  ReportSettings settings;
  world.agree([&] {
    po::positional_options_description positional;
    positional.add("run", 1);
    values = parse_arguments("report", arguments, all_report_options(), positional);
    if (values.count("help") == 0) settings = report_settings(values);
  });
  if (values.count("help") != 0) {
    if (world.is_root()) put(stdout, report_help());
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
