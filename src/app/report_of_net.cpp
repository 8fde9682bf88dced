#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "app/report_data.hpp"
#include "app/report_pages.hpp"
#include "rbmpi/core/liveness.hpp"
#include "rbmpi/report/html.hpp"
#include "rbmpi/report/net_figures.hpp"
#include "rbmpi/report/sections.hpp"

namespace rbmpi {
namespace {

/// What the net makes of the rows; labels that do not fit it are a problem of the page.
std::optional<NetFindings> findings(const ReportSettings& settings, const Model& model, FoundData& data) {
  if (!data.rows) return std::nullopt;
  now_doing("asking the net");
  const DataRows& rows = *data.rows;
  NetFindings found{
      .name = data.name, .rows = rows.rows, .rows_in_use = rows.rows_in_use, .classification = {}, .squared_error = {}};
  if (model.net->shape().is_classifier()) {
    or_problem(settings, data, [&] {
      found.classification = classify(*model.net, model.classes, rows, data.name + "s");
      found.classification->confusion.names = model.class_names;
    });
  } else {
    const AlignedBuffer<Real> made = activations_of(*model.net, model.net->shape().layers(), rows);
    found.squared_error = mean_squared_error(rows.view(), {made.data(), rows.rows, rows.columns});
  }
  return found;
}

/// The units that the inputs lead to.
Section first_layer_section(const RunSummary& run, const FoundData& data) {
  const NetLayer<const Real> first = run.model->model.net->layer(0);
  const std::size_t units = first.bias.size();
  const UnitWeights weights{.weights = first.weights, .units = {&bernoulli_unit, units, first.bias.data(), units}};
  std::optional<HiddenUse> use;
  if (data.rows && first.activation == Activation::sigmoid) {
    use = hidden_use(weights, data.rows->view());
    use->rows_in_use = data.rows->rows_in_use;
  }
  return units_section(weights, use ? &*use : nullptr, picture_to_show(run, data, first.weights.rows),
                       "Units of the first layer");
}

Section reconstructions_of(const FeedForwardNet& net, const DataRows& data) {
  constexpr std::size_t most = 20;
  const DataRows rows = spread_rows(data, most);
  const AlignedBuffer<Real> made = activations_of(net, net.shape().layers(), rows);
  return reconstructions_section(rows.view(), {made.data(), rows.rows, rows.columns}, data.rows_in_use, data.picture,
                                 "up to the code and down again");
}

Section codes_of(const Model& model, const DataRows& data) {
  constexpr std::size_t most = 2000;
  const DataRows rows = spread_rows(data, most);
  const AlignedBuffer<Real> codes = activations_of(*model.net, model.code_layer, rows);
  return codes_section({codes.data(), rows.rows, model.net->shape().units[model.code_layer]}, rows);
}

/// What shows parameters.
std::vector<Section> model_sections(const RunSummary& run, const FoundData& data, const NetFindings* found) {
  now_doing("drawing the model");
  const Model& model = run.model->model;
  std::vector<Section> sections;
  if (found != nullptr && run.kind == RunKind::classifier) {
    sections.push_back(confusion_section(run, *found));
    sections.push_back(mistakes_section(*found, *data.rows));
  }
  if (found != nullptr && run.kind == RunKind::autoencoder) {
    sections.push_back(reconstructions_of(*model.net, *data.rows));
    sections.push_back(codes_of(model, *data.rows));
  }
  sections.push_back(first_layer_section(run, data));
  sections.push_back(net_weights_section(*model.net));
  return sections;
}

}  // namespace

std::string net_page(const ReportSettings& settings, const RunSummary& run) {
  FoundData data = find_net_rows(settings, run);
  std::optional<NetFindings> findings_of_net;
  if (run.model) findings_of_net = findings(settings, run.model->model, data);
  const NetFindings* const found = findings_of_net ? &*findings_of_net : nullptr;

  std::vector<Section> sections = {net_overview_section(run, found), net_curves_section(run)};
  if (!settings.evaluation.empty()) {
    sections.push_back(evaluation_section(read_evaluation(settings.evaluation), run));
  }
  if (run.model) std::ranges::move(model_sections(run, data, found), std::back_inserter(sections));
  sections.push_back(time_section(run));
  sections.push_back(repeat_section(run));
  return page(page_title(run), net_lead_of(run) + data.note(), sections);
}

}  // namespace rbmpi
