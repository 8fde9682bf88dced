#include <fmt/format.h>

#include "rbmpi/report/html.hpp"
#include "rbmpi/report/sections.hpp"
#include "report/confusion_table.hpp"
#include "report/figures.hpp"
#include "report/run_notes.hpp"

namespace rbmpi {

Section confusion_section(const RunSummary& run, const NetFindings& found) {
  Section section{.id = "confusion", .title = "Confusion", .html = {}};
  if (!found.classification || !run.model) return section;
  const ConfusionMatrix& confusion = found.classification->confusion;
  const std::string rows = part_text(found.rows, found.rows_in_use, found.name);
  section.html = fmt::format(
      "<p>What the net of <code>{}</code> makes of {}: {} {} taken for another class, {}; the cross-entropy of the "
      "labels is {} nats a row.{}</p>\n",
      escape(run.model->file), escape(rows), whole_text(confusion.errors()), confusion.errors() == 1 ? "is" : "are",
      fine_percent_text(static_cast<double>(confusion.errors()) / static_cast<double>(confusion.rows())),
      figure_text(found.classification->cross_entropy),
      run.value("validation") == "none" ? " The net has learnt these rows, and will do worse on others." : "");
  section.html += confusion_table(confusion, rows);
  return section;
}

Section net_evaluation_section(const Evaluation& evaluation, const RunSummary& run) {
  constexpr double most_rows = 0x1p53;
  HtmlTable figures{.caption = fmt::format("From {}", evaluation.file.filename().string()),
                    .columns = {{"figure"}, {"value", true, true}, {"what it is", false, true}},
                    .rows = {}};
  if (evaluation.confusion) {
    const ConfusionMatrix& confusion = *evaluation.confusion;
    figures.rows.push_back(
        {"Error", fine_percent_text(static_cast<double>(confusion.errors()) / static_cast<double>(confusion.rows())),
         fmt::format("{} of {} are taken for another class.", whole_text(confusion.errors()),
                     count_text(confusion.rows(), "row"))});
  }
  const auto add = [&](const char* key, const char* name, const char* meaning) {
    const auto found = evaluation.scores.find(key);
    if (found == evaluation.scores.end()) return;
    figures.rows.push_back({name, measured_text(found->second.value, found->second.standard_error), meaning});
  };
  add("squared_error", "Squared error", "Between a row and its reconstruction, summed over the units.");
  add("cross_entropy", "Cross-entropy",
      evaluation.confusion ? "Of the label, nats a row." : "Of a row, summed over the units, in nats.");

  std::string rows;
  if (evaluation.rows && *evaluation.rows >= 0 && *evaluation.rows < most_rows) {
    rows = count_text(static_cast<std::uint64_t>(*evaluation.rows), "row");
  }
  Section section{.id = "evaluation", .title = "Evaluation", .html = {}};
  if (!evaluation.data.empty()) {
    section.html = fmt::format("<p>How good the net is on {}<code>{}</code>.</p>\n", rows.empty() ? "" : rows + " of ",
                               escape(evaluation.data));
  }
  if (!evaluation.model_digest.empty() && run.model && evaluation.model_digest != run.model->digest) {
    section.html += note("These figures are of other parameters than those that this page shows.");
  }
  section.html += table(figures);
  if (evaluation.confusion) {
    section.html +=
        confusion_table(*evaluation.confusion, count_text(evaluation.confusion->rows(), "row") + " of " +
                                                   std::filesystem::path(evaluation.data).filename().string());
  }
  return section;
}

}  // namespace rbmpi
