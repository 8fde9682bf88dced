#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "app/report_data.hpp"
#include "app/report_pages.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/report/chain_figures.hpp"
#include "rbmpi/report/sections.hpp"

namespace rbmpi {
namespace {

/// What layers make of the data.
struct LayerFindings {
  std::vector<HiddenUse> uses;                       ///< how their hidden units answer, of the lowest first
  std::map<std::size_t, ChainFindings> chains = {};  ///< by the numbers of the layers that have any
};

/// The features of a layer are the data of the next. If the data do not do for a layer, there are no more.
LayerFindings findings_of(const ReportSettings& settings, std::span<const RunLayer> layers, FoundData& data) {
  LayerFindings found;
  if (!data.rows) return found;
  or_problem(settings, data, [&] {
    DataRows rows = std::move(*data.rows);
    data.rows.reset();
    for (const RunLayer& layer : layers) {
      if (layer.rbm == nullptr) break;
      now_doing("asking the hidden units");
      const std::span<const Rbm> below = layer.below.last(layer.number == 0 ? 0 : 1);
      rows = features_of(below, layer.classes, std::move(rows));
      found.uses.push_back(hidden_use(hidden_weights(*layer.rbm), rows.view(), rows.weights));
      found.uses.back().rows_in_use = rows.rows_in_use;
      if (layer.chains != nullptr) found.chains[layer.number] = compare_chains(layer.chains->view(), &rows);
    }
  });
  return found;
}

}  // namespace

std::string stack_page(const ReportSettings& settings, const RunSummary& run) {
  const std::vector<RunLayer> layers = begun_layers(run);
  FoundData data = find_training_rows(settings, run);
  std::vector<std::uint64_t> picture;
  if (layers.front().rbm != nullptr) picture = picture_to_show(run, data, layers.front().rbm->shape().visible);
  const LayerFindings found = findings_of(settings, layers, data);
  const std::vector<HiddenUse>& uses = found.uses;

  std::vector<Section> sections = {stack_overview_section(run, layers, uses), stack_curves_section(layers)};
  if (!settings.evaluation.empty()) {
    sections.push_back(evaluation_section(read_evaluation(settings.evaluation), run));
  }
  if (layers.front().rbm != nullptr) {
    now_doing("drawing the model");
    const UnitWeights first = hidden_weights(*layers.front().rbm);
    sections.push_back(
        units_section(first, uses.empty() ? nullptr : &uses.front(), picture, "Hidden units of the first layer"));
    sections.push_back(stack_distributions_section(layers, uses));
  }
  sections.push_back(stack_chains_section(layers, found.chains));
  sections.push_back(time_section(layers));
  sections.push_back(repeat_section(run));
  return page(page_title(run), stack_lead_of(run) + data.note(), sections);
}

}  // namespace rbmpi
