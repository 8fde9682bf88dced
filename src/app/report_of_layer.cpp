#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/report_data.hpp"
#include "app/report_pages.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/evaluate/gibbs_chains.hpp"
#include "rbmpi/report/chain_figures.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"

namespace rbmpi {
namespace {

/// The visible units but those for labels.
std::size_t features_in(const RunLayer& layer) {
  return layer.rbm->shape().visible - layer.classes.size();
}

/// The rows as this layer sees them; none before it has parameters.
FoundData find_rows(const ReportSettings& settings, const RunLayer& layer) {
  if (layer.rbm == nullptr) return {};
  FoundData found = find_training_rows(settings, *layer.run);
  if (!found.rows) return found;
  or_problem(settings, found, [&] { found.rows = features_of(layer.below, layer.classes, std::move(*found.rows)); });
  if (!found.problem.empty()) found.rows.reset();
  return found;
}

Section units_of(const RunLayer& layer, const HiddenUse* use, const std::vector<std::uint64_t>& picture) {
  const RbmView<const Real> rbm = *layer.rbm;
  return units_section(
      {.weights = {rbm.weights.values, features_in(layer), rbm.weights.columns}, .units = rbm.hidden_units()}, use,
      picture);
}

Section reconstructions_of(const RunLayer& layer, const DataRows& data, const std::vector<std::uint64_t>& picture) {
  constexpr std::size_t most = 20;
  const DataRows shown = spread_rows(data, most);
  const AlignedBuffer<Real> made = mean_reconstructions(*layer.rbm, shown.view());
  const std::size_t columns = features_in(layer);
  const AlignedBuffer<Real> rows = columns_of(shown.view(), columns);
  const AlignedBuffer<Real> reconstructions = columns_of({made.data(), shown.rows, shown.columns}, columns);
  return reconstructions_section({rows.data(), shown.rows, columns}, {reconstructions.data(), shown.rows, columns},
                                 data.rows_in_use, picture,
                                 "the probabilities of one step up to the hidden units and down again, without chance");
}

/// The end of Gibbs chains, from rows of the data if there are any.
Section samples_of(const RunLayer& layer, const std::optional<DataRows>& data,
                   const std::vector<std::uint64_t>& picture) {
  constexpr std::size_t chains = 36;
  constexpr std::uint64_t most_steps = 1000;
  constexpr double most_work = 2e10;  // additions: some seconds
  const Rbm& rbm = *layer.rbm;
  const double work_of_step = static_cast<double>(chains) * static_cast<double>(rbm.shape().weights());
  const auto steps = static_cast<std::uint64_t>(std::clamp<double>(most_work / work_of_step, 1, most_steps));

  ChainStart start;
  DataRows rows;
  if (data) {
    rows = spread_rows(*data, chains);
    start.samples = rows.samples();
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
                     const std::size_t columns = features_in(layer);
                     const AlignedBuffer<Real> shown = columns_of(record.probabilities, columns);
                     section = samples_section({shown.data(), record.probabilities.rows, columns}, picture, how);
                   });
  return section;
}

/// Of a layer with persistent chains.
Section chains_of(const RunLayer& layer, const std::optional<DataRows>& data,
                  const std::vector<std::uint64_t>& picture) {
  constexpr std::size_t most = 36;
  if (layer.chains == nullptr) return chains_section(layer, nullptr, nullptr);
  now_doing("looking at the chains");
  const ConstBitMatrixView states = layer.chains->view();
  const ChainFindings found = compare_chains(states, data ? &*data : nullptr);
  if (picture.empty()) return chains_section(layer, &found, nullptr);

  const std::size_t columns = features_in(layer);
  const std::size_t count = std::min(most, states.rows);
  AlignedBuffer<Real> chains(count * columns);
  for (std::size_t i = 0; i < chains.size(); ++i) {
    chains.data()[i] = states.at(i / columns * states.rows / count, i % columns) ? Real{1} : Real{0};
  }
  AlignedBuffer<Real> rows;
  std::size_t shown_rows = 0;
  if (data) {
    const DataRows some = spread_rows(*data, count);
    rows = columns_of(some.view(), columns);
    shown_rows = some.rows;
  }
  const ChainPictures pictures{
      .chains = {chains.data(), count, columns}, .data = {rows.data(), shown_rows, columns}, .picture = picture};
  return chains_section(layer, &found, &pictures);
}

}  // namespace

std::string layer_page(const ReportSettings& settings, const RunSummary& run, std::size_t number) {
  const RunLayer layer = layer_of(run, number);
  const FoundData data = find_rows(settings, layer);
  std::optional<HiddenUse> found_use;
  if (data.rows) {
    found_use = hidden_use(hidden_weights(*layer.rbm), data.rows->view(), data.rows->weights);
    found_use->rows_in_use = data.rows->rows_in_use;
  }
  const HiddenUse* const use = found_use ? &*found_use : nullptr;

  std::vector<Section> sections = {overview_section(layer, use), curves_section(layer)};
  if (!settings.evaluation.empty()) {
    sections.push_back(evaluation_section(read_evaluation(settings.evaluation), run));
  }
  if (layer.rbm != nullptr) {
    now_doing("drawing the model");
    const std::vector<std::uint64_t> picture =
        number > 0 ? std::vector<std::uint64_t>() : picture_to_show(run, data, features_in(layer));
    sections.push_back(units_of(layer, use, picture));
    sections.push_back(labels_section(layer, use));
    sections.push_back(distributions_section(*layer.rbm, use));
    if (data.rows) sections.push_back(reconstructions_of(layer, *data.rows, picture));
    sections.push_back(samples_of(layer, data.rows, picture));
    sections.push_back(chains_of(layer, data.rows, picture));
  } else {
    sections.push_back(chains_section(layer, nullptr, nullptr));
  }
  sections.push_back(time_section(layer));
  sections.push_back(repeat_section(run));
  return page(page_title(run), lead_of(layer) + data.note(), sections);
}

}  // namespace rbmpi
