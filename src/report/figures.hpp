#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rbmpi/report/chart.hpp"
#include "rbmpi/report/model_figures.hpp"
#include "rbmpi/report/run_summary.hpp"

namespace rbmpi {

// What several sections take from a run. Everything is Local.

/// The last finite value of a key, and its epoch; nothing if there is none.
struct LastFigure {
  double epoch = 0;
  double value = 0;
};
[[nodiscard]] std::optional<LastFigure> last_figure(const std::vector<EpochFigures>& epochs, const std::string& key);

/// The finite values of a key over the epochs; with those of `error_key` as their standard errors.
[[nodiscard]] std::vector<LineChart::Point> points_of(const std::vector<EpochFigures>& epochs, const std::string& key,
                                                      const std::string& error_key = {});

/// Of a net that is validated: the epoch of the parameters in best.h5, or, if nobody knows it, the best of `epochs`;
/// nothing without such figures. It points into `run`.
[[nodiscard]] const EpochFigures* best_epoch(const RunSummary& run);

/// "1.70 %": a share of mistakes.
[[nodiscard]] std::string fine_percent_text(double share);

/// Mean free energy of the validation rows less that of as many training rows, in nats.
[[nodiscard]] std::vector<LineChart::Point> free_energy_gaps(const std::vector<EpochFigures>& epochs);

[[nodiscard]] inline bool is_dead(double activity) {
  return activity < dead_activity;
}
[[nodiscard]] inline bool is_saturated(double activity) {
  return activity > saturated_activity;
}

/// The command that does the run once more, in another folder.
[[nodiscard]] std::string repeating_command(const RunSummary& run);

/// "2026-11-22 21:24:02 UTC" from "2026-11-22T21:24:02Z", as HTML.
[[nodiscard]] std::string when_text(const std::string& iso);

/// "1 node, 2 ranks, 1 thread each".
[[nodiscard]] std::string layout_text(const JobRecord& job);

}  // namespace rbmpi
