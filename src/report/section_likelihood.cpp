#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"

namespace rbmpi {
namespace {

/// "log_likelihood.mean" as "log likelihood, mean".
std::string name_for_people(std::string name) {
  if (name == "log_z.value") return "log Z";
  std::ranges::replace(name, '_', ' ');
  for (std::size_t at = name.find('.'); at != std::string::npos; at = name.find('.')) name.replace(at, 1, ", ");
  return name;
}

/// What says nothing about how good the model is.
bool is_setting(const std::string& name) {
  constexpr std::array settings = {"visible", "hidden",    "steps",         "seed",
                                   "rows",    "grey_rows", "log_z.seconds", "log_z.temperatures"};
  return std::ranges::find(settings, name) != settings.end();
}

}  // namespace

Section likelihood_section(const Evaluation& evaluation, const RunSummary& run) {
  Table figures{.caption = fmt::format("From {}", evaluation.file.filename().string()),
                .columns = {{"figure"}, {"value", true}, {"standard error", true}},
                .rows = {}};
  std::vector<Evaluation::Figure> sorted = evaluation.figures;
  std::stable_partition(sorted.begin(), sorted.end(),
                        [](const Evaluation::Figure& figure) { return figure.name.starts_with("log_likelihood"); });
  for (const Evaluation::Figure& figure : sorted) {
    if (is_setting(figure.name)) continue;
    figures.rows.push_back({escape(name_for_people(figure.name)), number_text(figure.value, 6),
                            figure.standard_error ? "± " + number_text(*figure.standard_error, 2) : ""});
  }
  std::string html;
  if (!evaluation.data.empty()) {
    html += fmt::format("<p>How good the model is on <code>{}</code>. Likelihoods and energies are in nats.</p>\n",
                        escape(evaluation.data));
  }
  if (!evaluation.model_digest.empty() && run.model && evaluation.model_digest != run.model->digest) {
    html += "<p class=\"note\">These figures are of other parameters than those that this page shows.</p>\n";
  }
  return {.id = "likelihood", .title = "Likelihood", .html = html + table(figures)};
}

}  // namespace rbmpi
