#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/figures.hpp"
#include "report/overview.hpp"
#include "report/run_notes.hpp"

namespace rbmpi {
namespace {

std::string error_figure(const RunLayer& layer) {
  const auto training = last_figure(layer.epochs, "reconstruction_mse");
  const auto validation = last_figure(layer.epochs, "validation_reconstruction_mse");
  if (!training) return {};
  return large_figure("Reconstruction error", figure_text(training->value),
                      validation ? "validation " + figure_text(validation->value) : "mean square");
}

std::string gap_figure(const RunLayer& layer) {
  const std::vector<LineChart::Point> gaps = free_energy_gaps(layer.epochs);
  if (gaps.empty()) return {};
  return large_figure("Free-energy gap", number_text(gaps.back().y, 3), "nats, from training to validation");
}

std::string likelihood_figure(const RunLayer& layer) {
  for (const char* const key : {"validation_log_likelihood", "training_log_likelihood"}) {
    const auto last = last_figure(layer.epochs, key);
    if (!last) continue;
    return large_figure("Log-likelihood", number_text(last->value, 5),
                        fmt::format("nats a row, epoch {}", number_text(last->epoch, 9)));
  }
  return {};
}

std::string units_figure(const RunLayer& layer, const HiddenUse* use) {
  if (layer.rbm == nullptr) return {};
  std::string word = "visible " + whole_text(layer.rbm->shape().visible);
  if (use != nullptr) {
    word = fmt::format("{} dead, {} saturated", std::ranges::count_if(use->activity, is_dead),
                       std::ranges::count_if(use->activity, is_saturated));
  }
  return large_figure("Hidden units", whole_text(layer.rbm->shape().hidden), word);
}

std::string layer_facts(const RunLayer& layer) {
  // The keys that say most, with the names that people use for them.
  constexpr std::array<std::pair<const char*, const char*>, 9> of_layer = {
      {{"estimator", "Gradient"},
       {"optimizer", "Optimizer"},
       {"batch-size", "Batch size"},
       {"learning-rate", "Learning rate"},
       {"momentum", "Momentum"},
       {"weight-cost", "Weight cost"},
       {"visible-bias-init", "First visible biases"},
       {"sample-data", "Data sampled"},
       {"arithmetic", "Arithmetic"}}};
  const RunSummary& run = *layer.run;
  Facts facts;
  if (layer.rbm != nullptr) {
    const RbmShape shape = layer.rbm->shape();
    facts.emplace_back("Model",
                       fmt::format("{} visible and {} hidden zero-one units, {} parameters", whole_text(shape.visible),
                                   whole_text(shape.hidden), whole_text(shape.parameters())));
    if (!layer.classes.empty()) {
      facts.emplace_back("Labels", fmt::format("{}, the last visible ones", count_text(layer.classes.size(), "unit")));
    }
    facts.emplace_back("Parameters from", parameters_from(run));
  }
  if (run.progress && run.progress->best_epoch > 0 && run.progress->layer == layer.number) {
    facts.emplace_back("Best epoch", fmt::format("{}, in <code>best.h5</code> (early-stop = {})",
                                                 run.progress->best_epoch, escape(run.value("early-stop"))));
  }
  facts.emplace_back("Data", value_html(run.value("data")));
  facts.emplace_back("Rows used", value_html(run.value("rows")));
  facts.emplace_back("Validation", validation_html(run));
  for (const auto& [key, name] : of_layer) facts.emplace_back(name, escape(run.value(key, layer.number)));
  add_rare_keys(run, layer.number, facts);
  facts.emplace_back("Seed", escape(run.value("seed")));
  add_jobs(run, facts);
  return facts_list(facts);
}

}  // namespace

std::string lead_of(const RunLayer& layer) {
  const RunSummary& run = *layer.run;
  std::string text = "<p class=\"lead\">A restricted Boltzmann machine";
  if (layer.rbm != nullptr) {
    text += fmt::format(" of {} visible and {} hidden units", whole_text(layer.rbm->shape().visible),
                        whole_text(layer.rbm->shape().hidden));
  }
  if (run.layers() > 1) text += fmt::format(", layer {} of {} of a stack", layer.number + 1, run.layers());
  text += fmt::format("{}. As of {}.</p>\n", trained_on(run), escape(run.made));
  return text + state_notes(run);
}

Section overview_section(const RunLayer& layer, const HiddenUse* use) {
  return {.id = "overview",
          .title = "Overview",
          .html = "<dl class=\"figures\">\n" +
                  length_figure(length_of(*layer.run, layer.number, layer.epochs), layer.state) + error_figure(layer) +
                  gap_figure(layer) + likelihood_figure(layer) + units_figure(layer, use) + time_figure(layer.epochs) +
                  "</dl>\n" + layer_facts(layer)};
}

}  // namespace rbmpi
