#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rbmpi/report/run_summary.hpp"

namespace rbmpi {

// What the overviews of all kinds of runs have in common. Everything is Local.

/// A figure in large type: its name, the figure, and a word below. All three are HTML.
[[nodiscard]] std::string large_figure(const std::string& name, const std::string& figure, const std::string& word);

/// "finished", "stopped early", ...
[[nodiscard]] const char* state_name(RunState state);

/// How long a layer, or a net, was trained, of how long it is to be, in what its configuration counts: epochs or
/// updates.
struct TrainingLength {
  std::string unit;  ///< "epochs"
  std::string done;
  std::string wanted;  ///< empty: not known
};
/// `epochs` are those of the layer.
[[nodiscard]] TrainingLength length_of(const RunSummary& run, std::size_t layer,
                                       const std::vector<EpochFigures>& epochs);
[[nodiscard]] std::string length_figure(const TrainingLength& length, RunState state);
/// Time of these epochs, and rows a second.
[[nodiscard]] std::string time_figure(const std::vector<EpochFigures>& epochs);
/// Seconds of these epochs; 0 if nobody knows.
[[nodiscard]] double seconds_of(const std::vector<EpochFigures>& epochs);

/// Names and values, as HTML, of what was run; those without a value are left out.
using Facts = std::vector<std::pair<std::string, std::string>>;
[[nodiscard]] std::string facts_list(const Facts& facts);
/// A value of the configuration: a path as code.
[[nodiscard]] std::string value_html(const std::string& value);
/// Where the parameters of the page are from.
[[nodiscard]] std::string parameters_from(const RunSummary& run);
/// Of keys that few runs set, those of the gradient, penalties, clipping and decay, what this one has; `layer`: the
/// values of one layer.
void add_rare_keys(const RunSummary& run, std::optional<std::size_t> layer, Facts& facts);
/// Layout and begin of the jobs.
void add_jobs(const RunSummary& run, Facts& facts);
/// The validation as people read it: "0.1, the last 10 % of the rows", a file, or "none".
[[nodiscard]] std::string validation_html(const RunSummary& run);

/// A sentence's end: ", trained on <code>train.h5</code> (60,000 rows)", of what is known.
[[nodiscard]] std::string trained_on(const RunSummary& run);

}  // namespace rbmpi
