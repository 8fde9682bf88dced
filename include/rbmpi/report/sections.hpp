#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rbmpi/report/evaluation.hpp"
#include "rbmpi/report/model_figures.hpp"
#include "rbmpi/report/page.hpp"
#include "rbmpi/report/run_summary.hpp"

namespace rbmpi {

// The sections of the report of a run, each a function of plain data. All are Local. One whose data are not there is
// empty, and the page leaves it out.

/// Figures in large type, and what was run.
[[nodiscard]] Section overview_section(const RunSummary& run, const HiddenUse* use);
/// What metrics.jsonl has, over the epochs.
[[nodiscard]] Section curves_section(const RunSummary& run);
/// What `rbmpi evaluate --json` found; `run` is looked at for whether it is about the same parameters.
[[nodiscard]] Section likelihood_section(const Evaluation& evaluation, const RunSummary& run);
/// The weights of the hidden units, sorted by use if that is known: as pictures {height, width}, or as a heat map.
[[nodiscard]] Section units_section(RbmView<const Real> rbm, const HiddenUse* use,
                                    const std::vector<std::uint64_t>& picture);
/// Histograms of the parameters and of the activity of the hidden units; names those that are dead or saturated.
[[nodiscard]] Section distributions_section(RbmView<const Real> rbm, const HiddenUse* use);
/// Some rows, of `all_rows`, beside what the model makes of them. Both n x V.
[[nodiscard]] Section reconstructions_section(ConstMatrixView rows, ConstMatrixView reconstructions,
                                              std::uint64_t all_rows, const std::vector<std::uint64_t>& picture);
/// Probabilities of the visible units at the end of Gibbs chains: n x V. `how`: a sentence on where they come from.
[[nodiscard]] Section samples_section(ConstMatrixView samples, const std::vector<std::uint64_t>& picture,
                                      const std::string& how);
/// Where the time went, how fast it was, and how often the run was interrupted.
[[nodiscard]] Section time_section(const RunSummary& run);
/// Digest, command, versions and the whole configuration.
[[nodiscard]] Section repeat_section(const RunSummary& run);

/// A sentence or two on the model and its data, as HTML, for the head of the page.
[[nodiscard]] std::string lead_of(const RunSummary& run);

}  // namespace rbmpi
