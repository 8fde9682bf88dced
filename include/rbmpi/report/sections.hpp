#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rbmpi/model/feed_forward_net.hpp"
#include "rbmpi/report/chain_figures.hpp"
#include "rbmpi/report/evaluation.hpp"
#include "rbmpi/report/model_figures.hpp"
#include "rbmpi/report/net_figures.hpp"
#include "rbmpi/report/page.hpp"
#include "rbmpi/report/run_summary.hpp"

namespace rbmpi {

// The sections of the report of a run, each a function of plain data. All are Local. One whose data are not there is
// empty, and the page leaves it out. A lead is a sentence or two on the model and its data, as HTML, for the head of
// the page.

// Of one layer of RBMs.

[[nodiscard]] std::string lead_of(const RunLayer& layer);
/// Figures in large type, and what was run.
[[nodiscard]] Section overview_section(const RunLayer& layer, const HiddenUse* use);
/// What metrics.jsonl has, over the epochs.
[[nodiscard]] Section curves_section(const RunLayer& layer);
/// Histograms of the parameters and of the activity of the hidden units; names those that are dead or saturated.
[[nodiscard]] Section distributions_section(RbmView<const Real> rbm, const HiddenUse* use);
/// Of a layer with units for labels, the last visible ones: which hidden units speak for which label.
[[nodiscard]] Section labels_section(const RunLayer& layer, const HiddenUse* use);
/// Probabilities of the visible units at the end of Gibbs chains: n x V. `how`: a sentence on where they come from.
[[nodiscard]] Section samples_section(ConstMatrixView samples, const std::vector<std::uint64_t>& picture,
                                      const std::string& how);

/// Pictures {height, width} of some chains beside some rows of the data: each n x V.
struct ChainPictures {
  ConstMatrixView chains;
  ConstMatrixView data;  ///< without rows if there are no data
  std::vector<std::uint64_t> picture;
};
/// Of a layer with persistent chains: what they look like, how they compare with the data, and whether they are
/// collapsed or have stopped. `found`: of its chains, if the model has them; `pictures`: if they have a
/// picture.
[[nodiscard]] Section chains_section(const RunLayer& layer, const ChainFindings* found, const ChainPictures* pictures);

// Of all layers of a stack. `layers`: those that have been begun, from the lowest; `uses`: of each, or none.

[[nodiscard]] std::string stack_lead_of(const RunSummary& run);
[[nodiscard]] Section stack_overview_section(const RunSummary& run, std::span<const RunLayer> layers,
                                             std::span<const HiddenUse> uses);
[[nodiscard]] Section stack_curves_section(std::span<const RunLayer> layers);
/// `found`: by the numbers of the layers whose chains the model has.
[[nodiscard]] Section stack_chains_section(std::span<const RunLayer> layers,
                                           const std::map<std::size_t, ChainFindings>& found);
[[nodiscard]] Section stack_distributions_section(std::span<const RunLayer> layers, std::span<const HiddenUse> uses);

// Of a net.

/// The rows that a page looks at, and what the net that it shows makes of them.
struct NetFindings {
  std::string name;               ///< "validation row": what they are
  std::uint64_t rows = 0;         ///< that are looked at
  std::uint64_t rows_in_use = 0;  ///< of which these are taken
  std::optional<Classification> classification;
  std::optional<double> squared_error;  ///< of an autoencoder: mean over the rows, summed over the units
};

[[nodiscard]] std::string net_lead_of(const RunSummary& run);
[[nodiscard]] Section net_overview_section(const RunSummary& run, const NetFindings* found);
[[nodiscard]] Section net_curves_section(const RunSummary& run);
/// The confusion matrix, with figures for each class.
[[nodiscard]] Section confusion_section(const RunSummary& run, const NetFindings& found);
/// The rows that are taken for another class, the most confident mistakes first: as pictures, or as a table.
[[nodiscard]] Section mistakes_section(const NetFindings& found, const DataRows& rows);
/// Histograms of the weights of each layer.
[[nodiscard]] Section net_weights_section(const FeedForwardNet& net);
/// The codes [n x C] that an autoencoder has for rows, on a plane.
[[nodiscard]] Section codes_section(ConstMatrixView codes, const DataRows& rows);

// Of all of them.

/// What `rbmpi evaluate --json` found, of RBMs or of a net: one of the two that follow. `run` is looked at for whether
/// it is about the same parameters.
[[nodiscard]] Section evaluation_section(const Evaluation& evaluation, const RunSummary& run);
[[nodiscard]] Section likelihood_section(const Evaluation& evaluation, const RunSummary& run);
[[nodiscard]] Section net_evaluation_section(const Evaluation& evaluation, const RunSummary& run);

/// The weights of units, sorted by use if that is known: as pictures {height, width}, or as a heat map.
[[nodiscard]] Section units_section(const UnitWeights& layer, const HiddenUse* use,
                                    const std::vector<std::uint64_t>& picture,
                                    const std::string& title = "Hidden units");
/// Some rows, of `all_rows`, beside what the model makes of them. Both n x V. `how`: "the probabilities of ...".
[[nodiscard]] Section reconstructions_section(ConstMatrixView rows, ConstMatrixView reconstructions,
                                              std::uint64_t all_rows, const std::vector<std::uint64_t>& picture,
                                              const std::string& how);
/// Where the time went, how fast it was, and how often the run was interrupted.
[[nodiscard]] Section time_section(const RunSummary& run);
[[nodiscard]] Section time_section(const RunLayer& layer);
[[nodiscard]] Section time_section(std::span<const RunLayer> layers);
/// Digest, command, versions and the whole configuration.
[[nodiscard]] Section repeat_section(const RunSummary& run);

}  // namespace rbmpi
